"""Codes of items that share the value of one factor, drawn from a table.

Shapes: P points, B items of a point, codes [I, D] or [I, K, C] of I items, F factors.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_blocks, checked_factors


class FixedFactorPairs(NamedTuple):
    """Points of B pairs of items; the items of a pair share the value of one factor."""

    first: ArrayLike
    """[P, B, D] or [P, B, K, C]."""
    second: ArrayLike
    """Codes of the other item of each pair, of the same shape."""
    fixed: ArrayLike
    """int [P]: which factor the pairs of a point share."""


class FixedFactorGroups(NamedTuple):
    """Points of B items, all of which share the value of one factor."""

    codes: ArrayLike
    """[P, B, D] or [P, B, K, C]."""
    fixed: ArrayLike
    """int [P]: which factor the items of a point share."""


def draw_pairs(
    codes: ArrayLike, factors: ArrayLike, points: int, size: int, *, seed: int
) -> FixedFactorPairs:
    """Pairs for ``beta_vae_score``: a factor, items, and a partner of each with its value.

    Factors, items, and partners among all items of that value are uniform. In a table with
    every combination of values, as often each, the other factors are independent.

    Args:
        codes: of the items of a table, [I, D] or [I, K, C].
        factors: int [I, F].
        points: P.
        size: B, pairs in a point.
        seed: of the draws.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value, fewer
            than one point or pair.
    """
    rows, labels = _table(codes, factors, points, size)
    rng = np.random.default_rng(seed)
    fixed = rng.integers(labels.shape[1], size=points)
    first = rng.integers(len(rows), size=(points, size))
    second = _sharing(labels, first, fixed, rng)
    return FixedFactorPairs(rows[first], rows[second], fixed)


def draw_groups(
    codes: ArrayLike, factors: ArrayLike, points: int, size: int, *, seed: int
) -> FixedFactorGroups:
    """Groups for ``factor_vae_score``: a factor, the value of an item, items of that value.

    Args:
        codes, factors, points, seed: as in ``draw_pairs``.
        size: B, items in a point.

    Raises:
        InputError: as ``draw_pairs``; fewer than two items in a point.
    """
    rows, labels = _table(codes, factors, points, size, least=2)
    rng = np.random.default_rng(seed)
    fixed = rng.integers(labels.shape[1], size=points)
    first = np.repeat(rng.integers(len(rows), size=(points, 1)), size, axis=1)
    return FixedFactorGroups(rows[_sharing(labels, first, fixed, rng)], fixed)


def checked_points(name: str, codes: ArrayLike, fixed: ArrayLike, *, least: int) -> np.ndarray:
    """The codes of points as float64 [P, B, K, C].

    Raises:
        InputError: other shapes, fewer items in a point than ``least``, codes that are not
            finite, fixed factors that are no indices.
    """
    array, index = np.asarray(codes, np.float64), np.asarray(fixed)
    if array.ndim not in (3, 4) or not array.size or array.shape[1] < least:
        raise InputError(
            f"{name}: shape {array.shape}; accepted: [P, B, D] or [P, B, K, C], B >= {least}"
        )
    if index.shape != array.shape[:1] or not np.issubdtype(index.dtype, np.integer):
        raise InputError(
            f"{name}: fixed factors {index.dtype} {index.shape}; accepted: int [{len(array)}]"
        )
    if index.min() < 0:
        raise InputError(f"{name}: fixed factor {index.min()}; accepted: 0 or more")
    blocks = checked_blocks(array.reshape(-1, *array.shape[2:]), name)
    return blocks.reshape(*array.shape[:2], *blocks.shape[1:])


def _table(
    codes: ArrayLike, factors: ArrayLike, points: int, size: int, *, least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    checked_blocks(codes)
    rows = np.asarray(codes, np.float64)
    if points < 1 or size < least:
        raise InputError(f"points {points}, size {size}; accepted: 1 and {least} or more")
    return rows, checked_factors(factors, len(rows))


def _sharing(
    labels: np.ndarray, items: np.ndarray, fixed: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Of each of the items int [P, B], one uniform among those with its value of ``fixed`` [P]."""
    chosen = np.empty_like(items)
    for factor in np.unique(fixed):
        column, which = labels[:, factor], fixed == factor
        order = np.argsort(column, kind="stable")
        wanted = column[items[which]]
        start = np.searchsorted(column[order], wanted, side="left")
        stop = np.searchsorted(column[order], wanted, side="right")
        chosen[which] = order[rng.integers(start, stop)]
    return chosen
