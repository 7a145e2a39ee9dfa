"""Sources of a training step's data sets: stored arrays, or draws on the device."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.set_samplers import SetSampler
from cal_jax.data.sets import PaddedSets
from cal_jax.errors import InputError
from cal_jax.training.step import DataSet

ACCEPTED = (
    "x [M, N, *X], (x, constant_mask [M, K]), DataSet((x, constant_mask), mask [M, N]), "
    "PaddedSets, or a SetSource"
)

SHOWN_SETS = 8
"""Sets of a source that are drawn to be checked."""


class SetSource(Protocol):
    """A source of data sets for a training step."""

    @property
    def data(self) -> Any:
        """Arrays that ``draw`` reads; they go to the device once."""

    @property
    def draw(self) -> Callable[[Any, Any, Any], DataSet]:
        """(key, data, row []) -> one data set; pure."""

    @property
    def num_sets(self) -> int:
        """Rows that an epoch visits."""


@functools.singledispatch
def set_source(data: Any, model: Any) -> SetSource:
    """Convert the data argument of ``fit`` to a source of data sets.

    A kind of data registers its conversion with ``@set_source.register``: the function
    takes the data and the model, for its contexts and sizes.

    Args:
      data: see ``ACCEPTED``.
      model: that is trained on it.

    Raises:
      InputError: data of another kind, or arrays that do not fit together.
    """
    del model
    if all(hasattr(data, name) for name in ("draw", "data", "num_sets")):
        return data
    raise InputError(f"data: {type(data).__name__}; accepted: {ACCEPTED}")


@set_source.register(DataSet)
def _of_data_set(data: Any, model: Any) -> SetSource:
    del model
    names = ["x", "constant_mask", *(f"labels {i}" for i in range(2, len(data.data)))]
    arrays = tuple(_numbers(array, name) for array, name in zip(data.data, names, strict=False))
    mask = None if data.mask is None else _numbers(data.mask, "mask")
    if not arrays:
        raise InputError(f"data: no arrays; accepted: {ACCEPTED}")
    x = arrays[0]
    if x.ndim < 2 or 0 in x.shape:
        raise InputError(f"x: shape {x.shape}; accepted: [M, N, *X], one item or more in each set")
    for array, name in zip(arrays[1:], names[1:], strict=False):
        if array.shape[:1] != x.shape[:1]:
            raise InputError(f"{name}: shape {array.shape}; accepted: [{len(x)}, ...], a row a set")
    if len(arrays) > 1 and (arrays[1].ndim != 2 or not np.isin(arrays[1], (0, 1)).all()):
        raise InputError(
            f"constant_mask: shape {arrays[1].shape}; accepted: [{len(x)}, K] of 0 and 1"
        )
    if mask is not None:
        if mask.shape != x.shape[:2]:
            raise InputError(
                f"mask: shape {mask.shape}; accepted: {x.shape[:2]}, one entry an item"
            )
        if not (np.isin(mask, (0, 1)).all() and mask.any(axis=1).all()):
            raise InputError("mask: accepted: 0 and 1, an item or more that counts in every set")

    def draw(_: Any, stored: DataSet, row: Any) -> DataSet:
        rows = [array[row].astype(jnp.float32) for array in stored.data]
        return DataSet(tuple(rows), None if stored.mask is None else stored.mask[row])

    stored: Any = arrays, mask
    return SetSampler(DataSet(*stored), draw, len(x))


@set_source.register(PaddedSets)
def _of_padded_sets(data: Any, model: Any) -> SetSource:
    return _of_data_set(DataSet((data.x,), data.mask), model)


@set_source.register(tuple)
def _of_tuple(data: Any, model: Any) -> SetSource:
    if all(hasattr(data, name) for name in ("draw", "data", "num_sets")):
        return data
    return _of_data_set(DataSet(data), model)


@set_source.register(np.ndarray)
@set_source.register(jax.Array)
def _of_array(data: Any, model: Any) -> SetSource:
    return _of_data_set(DataSet((data,)), model)


def shown_sets(source: SetSource, key: jax.Array) -> list[DataSet]:
    """Sets to check before training: all stored sets, or a few drawn ones.

    Returns:
      Data sets with leading axes [M], of the stored sets, or [1] each.
    """
    if isinstance(source.data, DataSet):
        stored = jax.tree.map(np.asarray, source.data)
        first = jax.tree.map(lambda array: array.astype(np.float32), stored.data)
        return [DataSet(first, stored.mask)]
    rows = np.unique(np.linspace(0, source.num_sets - 1, SHOWN_SETS).astype(np.int32))
    data = jax.tree.map(jnp.asarray, source.data)
    draw = jax.jit(source.draw)
    drawn = [draw(jax.random.fold_in(key, row), data, jnp.int32(row)) for row in rows]
    return [jax.tree.map(lambda leaf: leaf[None], one) for one in drawn]


def _numbers(array: Any, name: str) -> np.ndarray:
    """An array of real numbers; a step converts integers."""
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{name}: a masked array; accepted: an array, and mask [M, N] beside it")
    try:
        found = np.asarray(array)
    except ValueError as error:
        raise InputError(f"{name}: no array of one shape; accepted: {ACCEPTED}") from error
    if found.dtype.kind not in "biuf":
        raise InputError(f"{name}: dtype {found.dtype}; accepted: real numbers")
    return found.astype(np.float32) if found.dtype.kind == "f" else found
