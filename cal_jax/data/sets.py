"""A data set as an objective's argument, and validation and padding of user-supplied sets.

Shape letters: M sets, N items in the largest set, items of shape [*X].
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.errors import InputError


class DataSet(NamedTuple):
    """One data set as an objective's argument."""

    data: tuple[jax.Array, ...]
    """x [N, *X], then its labels."""
    mask: jax.Array | None = None
    """[N], or None when all items count."""


class PaddedSets(NamedTuple):
    """M sets of up to N items of one shape."""

    x: np.ndarray
    """float32 [M, N, *X]: 0 where there is no item."""
    mask: np.ndarray
    """float32 [M, N]: 1 for an item, 0 for padding."""


def validate_sets(sets: np.ndarray | Sequence[np.ndarray], source: str) -> PaddedSets:
    """Validate and pad sets before training or evaluation.

    Args:
        sets: an array [M, N, *X], or M arrays [N_i, *X] of any N_i; items have one axis or
            more.
        source: of the sets; it opens the error message.

    Raises:
        InputError: no sets; a set that has masked values, is empty, not numeric, not of
            shape [N, *X], with items of another shape than the first's, or with a value
            not finite in float32. It names the index of the set.
    """
    if not len(sets):
        raise InputError(f"{source}: no sets; accepted: 1 or more")
    arrays = [_checked(one, f"{source}: set {index}") for index, one in enumerate(sets)]
    event_shape = arrays[0].shape[1:]
    for index, array in enumerate(arrays):
        if array.shape[1:] != event_shape:
            raise InputError(
                f"{source}: set {index} has items of shape {list(array.shape[1:])}; "
                f"accepted: {list(event_shape)} as in set 0"
            )
    largest = max(map(len, arrays))
    x = np.zeros((len(arrays), largest, *event_shape), np.float32)
    mask = np.zeros((len(arrays), largest), np.float32)
    for index, array in enumerate(arrays):
        x[index, : len(array)] = array
        mask[index, : len(array)] = 1
    return PaddedSets(x, mask)


def _checked(one: np.ndarray, name: str) -> np.ndarray:
    """One set as float32 [N_i, *X], all finite."""
    if np.ma.is_masked(one):
        raise InputError(
            f"{name} has masked values; accepted: arrays of the items that count, of any length"
        )
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(one).astype(np.float32, casting="same_kind", copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not an array of real numbers; accepted: [N, *X]") from error
    if array.ndim < 2:
        raise InputError(f"{name} has shape {array.shape}; accepted: [N, *X]")
    if not array.size:
        raise InputError(f"{name} of shape {array.shape} is empty; accepted: 1 item or more")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or infinity; accepted: finite float32 numbers")
    return array
