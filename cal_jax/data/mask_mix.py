"""Numbers of sets of each constant mask."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from cal_jax.errors import InputError

ConstantMask = tuple[int, ...]
"""One 0 or 1 a factor, 1 = constant: a."""

Mix = Sequence[tuple[ConstantMask, float]]
"""Pairs of a mask and its weight."""


def one_constant(num_factors: int) -> list[ConstantMask]:
    """The K masks with exactly one constant factor, in the order of the factors."""
    return [tuple(int(j == k) for j in range(num_factors)) for k in range(num_factors)]


def all_masks(num_factors: int) -> list[ConstantMask]:
    """All 2^K masks, from every factor constant to none."""
    return list(product((1, 0), repeat=num_factors))


def mixed_masks(rng: np.random.Generator, mix: Mix, num_sets: int, num_factors: int) -> np.ndarray:
    """Masks in the proportions of ``mix``, in random order.

    The counts are exact: every mask gets its share rounded down, and the remaining
    sets go to the largest remainders (ties: first in ``mix``).

    Args:
        rng: of the order.
        mix: distinct masks of ``num_factors`` entries with finite weights, none
            negative and not all 0.
        num_sets: M, at least 1.
        num_factors: K.

    Returns:
        float32 [M, K].

    Raises:
        InputError: a bad mask, weight or number of sets.
    """
    if num_sets < 1:
        raise InputError(f"num_sets {num_sets}; accepted: 1 or more")
    masks, weights = checked_mix(mix, num_factors)
    shares = num_sets * weights / math.fsum(weights)
    counts = np.floor(shares).astype(np.int64)
    by_remainder = np.argsort(counts - shares, kind="stable")
    counts[by_remainder[: num_sets - counts.sum()]] += 1
    return rng.permutation(np.repeat(masks, counts, axis=0))


def checked_mix(mix: Mix, num_factors: int) -> tuple[np.ndarray, np.ndarray]:
    """The masks float32 [A, K] of a mix and their weights float64 [A].

    Raises:
        InputError: a bad mask or weight.
    """
    masks = [tuple(mask) for mask, _ in mix]
    weights = [weight for _, weight in mix]
    for mask in masks:
        if len(mask) != num_factors or not set(mask) <= {0, 1} or masks.count(mask) > 1:
            raise InputError(
                f"mix: mask {mask}; accepted: {num_factors} entries of 0 or 1, each mask once"
            )
    if not all(0 <= weight < math.inf for weight in weights) or not sum(weights) > 0:
        raise InputError(f"mix: weights {weights}; accepted: finite, 0 or more, not all 0")
    return np.asarray(masks, np.float32), np.asarray(weights, np.float64)
