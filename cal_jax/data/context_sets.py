"""Data sets whose items share some factors while others vary (thesis section 6.4.1).

A set is kept as row numbers of an image array, not as pixels; ``render_*`` turns
the images of those rows into what the set shows. Shape letters: M sets, N items
in a set, K factors, I images to choose from.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.label_mix import Mix, mixed_labels
from cal_jax.errors import InputError

FACTORS = ("digit", "background")
"""The factors of black & white MNIST, in the order of the last axis."""

BLACK, WHITE = 0, 1
THESIS_MIX: Mix = (((1, 0), 5), ((0, 1), 1))
"""Digit constant : background constant = 5 : 1."""


class ContextSets(NamedTuple):
    """M data sets of N items with K factors."""

    items: np.ndarray
    """int32 [M, N]: rows of the image array."""
    factors: np.ndarray
    """int32 [M, N, K]: the true value of every factor of every item."""
    labels: np.ndarray
    """float32 [M, K]: the label a, 1 where the factor was held constant."""


def black_and_white_sets(
    rng: np.random.Generator,
    digits: np.ndarray,
    *,
    num_sets: int,
    set_size: int,
    mix: Mix = THESIS_MIX,
) -> ContextSets:
    """Draw sets of digits on a black or white background.

    A constant digit is one class, uniform among the classes present; a varying
    digit is a class drawn anew, uniformly, for every item. Then every item gets an
    exemplar of its class, uniformly among those that the set does not hold yet: no
    image comes twice in a set. A constant background is one fair coin a set, a
    varying one a fair coin an item; so a varying factor may be constant by chance
    (``accidentally_constant``), and its label stays 0.

    Args:
        rng: of everything drawn; its state alone decides the result.
        digits: integer [I], the class of every image, each class with at least ``set_size``.
        num_sets: M, at least 1.
        set_size: N, at least 1.
        mix: labels (digit, background), any of {0, 1}^2, with their weights; the
            counts are exact, the order random (see ``mixed_labels``).

    Returns:
        Sets with factors ``FACTORS``: the digit's class, and the background ``BLACK`` or ``WHITE``.

    Raises:
        InputError: ``num_sets`` or ``set_size`` below 1, no images, a class with too
            few of them, a bad mix.
    """
    if set_size < 1:
        raise InputError(f"set_size {set_size}; accepted: 1 or more")
    classes, counts = np.unique(digits, return_counts=True)
    if not len(classes):
        raise InputError("digits: no images; accepted: 1 or more")
    if counts.min() < set_size:
        scarce = np.argmin(counts)
        raise InputError(
            f"digits: class {classes[scarce]} has {counts[scarce]} images; "
            f"accepted: at least set_size = {set_size} in every class"
        )
    labels = mixed_labels(rng, mix, num_sets, len(FACTORS))
    constant = labels.astype(bool)
    shape = (num_sets, set_size)
    kinds = _constant_or_varying(rng, len(classes), shape, constant[:, 0])
    backgrounds = _constant_or_varying(rng, 2, shape, constant[:, 1])
    items = _distinct_exemplars(rng, np.argsort(digits, kind="stable"), counts, kinds)
    factors = np.stack([classes[kinds], backgrounds], axis=-1)
    return ContextSets(items.astype(np.int32), factors.astype(np.int32), labels)


def _constant_or_varying(
    rng: np.random.Generator, num_values: int, shape: tuple[int, int], constant: np.ndarray
) -> np.ndarray:
    """Uniform values [M, N]: one a set where ``constant`` [M], one an item elsewhere."""
    values = rng.integers(num_values, size=shape)
    return np.where(constant[:, None], values[:, :1], values)


def _distinct_exemplars(
    rng: np.random.Generator, by_class: np.ndarray, counts: np.ndarray, kinds: np.ndarray
) -> np.ndarray:
    """Draw a row for every item, without replacement inside a set.

    One column at a time for all sets at once; an item that repeats an earlier one
    of its set is drawn again, which is sampling without replacement.

    Args:
        rng: of the draws.
        by_class: [I], the rows sorted by class.
        counts: [number of classes], how many rows each class has there.
        kinds: [M, N], which class each item wants.

    Returns:
        [M, N] rows, all different inside a set.
    """
    first = np.cumsum(counts) - counts
    items = np.empty(kinds.shape, by_class.dtype)
    for column in range(kinds.shape[1]):
        pending = np.arange(len(kinds))
        while pending.size:
            kind = kinds[pending, column]
            items[pending, column] = by_class[first[kind] + rng.integers(counts[kind])]
            earlier, drawn = items[pending, :column], items[pending, column]
            pending = pending[(earlier == drawn[:, None]).any(axis=1)]
    return items


def accidentally_constant(sets: ContextSets) -> np.ndarray:
    """Return bool [M]: a factor whose label says varying has one value in the whole set."""
    unchanging = (sets.factors == sets.factors[:, :1]).all(axis=1)
    return (unchanging & (sets.labels == 0)).any(axis=1)


def render_black_and_white(binary: jax.Array, backgrounds: jax.Array) -> jax.Array:
    """Put binary images on their backgrounds; pure.

    Args:
        binary: [..., H, W] in {0, 1}, the digit in ones.
        backgrounds: [...], ``BLACK`` or ``WHITE``, the leading shape of ``binary``.

    Returns:
        float32 [..., H, W]: the image on black, 1 - image on white.

    Raises:
        InputError: leading shapes that differ.
    """
    if binary.shape[:-2] != backgrounds.shape:
        raise InputError(
            f"backgrounds: shape {backgrounds.shape}; accepted: {binary.shape[:-2]}, one an image"
        )
    pixels = jnp.asarray(binary, jnp.float32)
    white = jnp.asarray(backgrounds)[..., None, None] == WHITE
    return jnp.where(white, 1 - pixels, pixels)
