"""Numbers of sets for each label of constant and varying factors."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from cal_jax.errors import InputError

Label = tuple[int, ...]
"""One 0 or 1 a factor, 1 = constant: a."""

Mix = Sequence[tuple[Label, float]]
"""Pairs of a label and its weight."""


def one_constant(num_factors: int) -> list[Label]:
    """The K labels with exactly one constant factor, in the order of the factors."""
    return [tuple(int(j == k) for j in range(num_factors)) for k in range(num_factors)]


def all_labels(num_factors: int) -> list[Label]:
    """All 2^K labels, from every factor constant to none."""
    return list(product((1, 0), repeat=num_factors))


def mixed_labels(rng: np.random.Generator, mix: Mix, num_sets: int, num_factors: int) -> np.ndarray:
    """Labels in the proportions of ``mix``, in random order.

    The counts are exact: every label gets its share rounded down, and the remaining
    sets go to the largest remainders (ties: first in ``mix``).

    Args:
        rng: of the order.
        mix: distinct labels of ``num_factors`` entries with finite weights, none
            negative and not all 0.
        num_sets: M, at least 1.
        num_factors: K.

    Returns:
        float32 [M, K].

    Raises:
        InputError: a bad label, weight or number of sets.
    """
    if num_sets < 1:
        raise InputError(f"num_sets {num_sets}; accepted: 1 or more")
    labels, weights = checked_mix(mix, num_factors)
    shares = num_sets * weights / math.fsum(weights)
    counts = np.floor(shares).astype(np.int64)
    by_remainder = np.argsort(counts - shares, kind="stable")
    counts[by_remainder[: num_sets - counts.sum()]] += 1
    return rng.permutation(np.repeat(labels, counts, axis=0))


def checked_mix(mix: Mix, num_factors: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels float32 [A, K] of a mix and their weights float64 [A].

    Raises:
        InputError: a bad label or weight.
    """
    labels = [tuple(label) for label, _ in mix]
    weights = [weight for _, weight in mix]
    for label in labels:
        if len(label) != num_factors or not set(label) <= {0, 1} or labels.count(label) > 1:
            raise InputError(
                f"mix: label {label}; accepted: {num_factors} entries of 0 or 1, each label once"
            )
    if not all(0 <= weight < math.inf for weight in weights) or not sum(weights) > 0:
        raise InputError(f"mix: weights {weights}; accepted: finite, 0 or more, not all 0")
    return np.asarray(labels, np.float32), np.asarray(weights, np.float64)
