"""Codes and factors of items as checked arrays.

Shapes: I items, F factors. Codes are [I, D], D dimensions, or [I, K, C], K blocks (the
contexts of a model) of C dimensions. Factors are int [I, F]: the value of each.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError


class Split(NamedTuple):
    """Items that a predictor is fitted on, and items that it is scored on."""

    codes: np.ndarray
    """float64 [I, K, C]."""
    factors: np.ndarray
    """int [I, F]."""
    test_codes: np.ndarray
    """float64 [I', K, C]."""
    test_factors: np.ndarray
    """int [I', F]."""


def checked_split(
    codes: ArrayLike, factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> Split:
    """Two sets of items with the same dimensions and factors, codes as blocks.

    Raises:
        InputError: as ``checked_blocks`` and ``checked_factors``; test codes or factors of
            other sizes.
    """
    train = checked_blocks(codes)
    labels = checked_factors(factors, len(train))
    test = checked_blocks(test_codes, "test_codes")
    if test.shape[1:] != train.shape[1:]:
        raise InputError(
            f"test_codes: shape {np.shape(test_codes)}; accepted: that of codes "
            f"{np.shape(codes)} but for the items"
        )
    test_labels = _labels(test_factors, len(test), "test_factors")
    if test_labels.shape[1] != labels.shape[1]:
        raise InputError(
            f"test_factors: {test_labels.shape[1]} factors; accepted: "
            f"{labels.shape[1]} as in factors"
        )
    return Split(train, labels, test, test_labels)


def checked_blocks(codes: ArrayLike, name: str = "codes", *, least: int = 1) -> np.ndarray:
    """Codes as float64 [I, K, C]; a dimension of [I, D] is a block of one, [I, D, 1].

    Raises:
        InputError: another shape, fewer blocks than ``least``, numbers that are not finite.
    """
    array = np.asarray(codes, np.float64)
    if array.ndim not in (2, 3) or not array.size:
        raise InputError(f"{name}: shape {array.shape}; accepted: [I, D] or [I, K, C], not empty")
    blocks = array[:, :, None] if array.ndim == 2 else array
    if blocks.shape[1] < least:
        kind = "dimensions" if array.ndim == 2 else "blocks"
        raise InputError(f"{name}: {blocks.shape[1]} {kind}; accepted: {least} or more")
    return finite(blocks, name)


def checked_dimensions(codes: ArrayLike, name: str = "codes", *, least: int = 1) -> np.ndarray:
    """Codes as float64 [I, D], for metrics that read one dimension at a time.

    Raises:
        InputError: blocks [I, K, C] or another shape, fewer dimensions than ``least``,
            numbers that are not finite.
    """
    array = np.asarray(codes, np.float64)
    if array.ndim != 2 or not array.size:
        raise InputError(f"{name}: shape {array.shape}; accepted: [I, D], one number a dimension")
    return checked_blocks(array, name, least=least)[:, :, 0]


def checked_factors(
    factors: ArrayLike, items: int, name: str = "factors", *, least: int = 1
) -> np.ndarray:
    """Factors as int [I, F], two values or more of each.

    Raises:
        InputError: another shape or type, another number of items, fewer factors than
            ``least``, a factor of one value.
    """
    labels = _labels(factors, items, name)
    if labels.shape[1] < least:
        raise InputError(f"{name}: {labels.shape[1]} factors; accepted: {least} or more")
    constant = np.flatnonzero((labels == labels[:1]).all(axis=0))
    if len(constant):
        raise InputError(
            f"{name}: factor {constant[0]} has one value; accepted: two values or more"
        )
    return labels


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """The array itself.

    Raises:
        InputError: NaN or infinity in it.
    """
    if not np.isfinite(array).all():
        raise InputError(f"{name}: NaN or infinity; accepted: finite numbers")
    return array


def flattened(blocks: np.ndarray) -> np.ndarray:
    """The dimensions of all blocks side by side: [..., K, C] to [..., K * C]."""
    return blocks.reshape(*blocks.shape[:-2], -1)


def _labels(factors: ArrayLike, items: int, name: str) -> np.ndarray:
    labels = np.asarray(factors)
    if labels.ndim != 2 or not labels.size or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{name}: {labels.dtype} {labels.shape}; accepted: int [I, F], not empty")
    if len(labels) != items:
        raise InputError(f"{name}: {len(labels)} items; accepted: {items}, one row a code")
    return labels
