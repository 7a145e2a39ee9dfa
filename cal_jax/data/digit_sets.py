"""Data sets whose items share some factors while others vary (thesis 6.4.1, 6.4.2).

A set is kept as row numbers of an image array, not as pixels; ``render_*`` turns
the images of those rows into what the set shows. Shape letters: M sets, N items
in a set, K factors, I images to choose from.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.allowed_values import allowed_values
from cal_jax.data.label_mix import Mix, mixed_labels
from cal_jax.errors import InputError

BLACK, WHITE = 0, 1


class ContextSets(NamedTuple):
    """M data sets of N items with K factors."""

    items: np.ndarray
    """int32 [M, N]: rows of the image array."""
    factors: np.ndarray
    """int32 [M, N, K]: the true value of every factor of every item."""
    labels: np.ndarray
    """float32 [M, K]: the label a, 1 where the factor was held constant."""


def factor_sets(
    rng: np.random.Generator,
    digits: np.ndarray,
    sizes: Sequence[int],
    *,
    num_sets: int,
    set_size: int,
    mix: Mix,
    allowed: np.ndarray | None = None,
) -> ContextSets:
    """Draw sets of digits in which other factors are constant or vary too.

    A constant digit is one class, uniform among the classes present; a varying
    digit is a class drawn anew, uniformly, for every item. Then every item gets an
    exemplar of its class, uniformly among those that the set does not hold yet: no
    image comes twice in a set. Every other factor is uniform over its values, one
    draw a set where it is constant, one an item where it varies; so a varying factor
    may be constant by chance (``accidentally_constant``), and its label stays 0.

    Args:
        rng: of everything drawn; its state alone decides the result.
        digits: integer [I], the class of every image, each class with at least ``set_size``.
        sizes: how many values each of the other K - 1 factors has.
        num_sets: M, at least 1.
        set_size: N, at least 1.
        mix: labels, any of {0, 1}^K, with their weights; the counts are exact, the
            order random (see ``mixed_labels``).
        allowed: bool [number of digits, *sizes], which combinations of values may occur:
            values are uniform among these as ``allowed_values`` says. None: all of them.

    Returns:
        Sets whose factors are the digit's class, then the others, 0 to size - 1 each.

    Raises:
        InputError: ``num_sets`` or ``set_size`` below 1, no images, a class with too
            few of them, a bad mix, nothing allowed.
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
    labels = mixed_labels(rng, mix, num_sets, 1 + len(sizes))
    if allowed is None:
        values = _independent_values(rng, (len(classes), *sizes), labels, set_size)
    else:
        values = allowed_values(rng, _of_classes(allowed, classes, sizes), labels, set_size)
    kinds = values[..., 0]
    items = _distinct_exemplars(rng, np.argsort(digits, kind="stable"), counts, kinds)
    factors = np.concatenate([classes[kinds][..., None], values[..., 1:]], axis=-1)
    return ContextSets(items.astype(np.int32), factors.astype(np.int32), labels)


def _independent_values(
    rng: np.random.Generator, sizes: Sequence[int], labels: np.ndarray, set_size: int
) -> np.ndarray:
    """Uniform values [M, N, K]: one a set where ``labels`` [M, K] is 1, one an item elsewhere."""
    shape = (len(labels), set_size)
    values = np.stack([rng.integers(size, size=shape) for size in sizes], axis=-1)
    return np.where(labels[:, None] == 1, values[:, :1], values)


def _of_classes(allowed: np.ndarray, classes: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The rows of ``allowed`` that belong to the classes present."""
    if allowed.shape[1:] != tuple(sizes) or len(allowed) <= classes.max():
        raise InputError(
            f"allowed: shape {allowed.shape}; accepted: {classes.max() + 1} digits or more, "
            f"then {tuple(sizes)}"
        )
    return allowed[classes]


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
