"""Splits that hold combinations of factor values out of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cal_jax.data.factor_table import listed
from cal_jax.errors import InputError

if TYPE_CHECKING:
    from cal_jax.data.factor_dataset import FactorDataset


def occurring(dataset: FactorDataset, names: tuple[str, ...]) -> np.ndarray:
    """The combinations of values that items have or may have, bool [V_1, V_2, ...]."""
    dataset.require(*names)
    shape = tuple(dataset.sizes[name] for name in names)
    columns = [name for name in names if name in dataset.factors]
    found = np.zeros([dataset.sizes[name] for name in columns], bool)
    found[tuple(dataset.columns(columns).T)] = True
    spread = [dataset.sizes[name] if name in columns else 1 for name in names]
    result = np.broadcast_to(found.reshape(spread), shape).copy()
    for among, table in dataset.shown.items():
        if set(among) <= set(names):
            by_place = np.argsort([names.index(name) for name in among])
            spread = [dataset.sizes[name] if name in among else 1 for name in names]
            result &= table.transpose(by_place).reshape(spread)
    return result


def split_by_combination(
    dataset: FactorDataset, names: tuple[str, ...], held_out: Any, seed: int
) -> tuple[FactorDataset, FactorDataset]:
    """See ``FactorDataset.split_by_combination``."""
    if not names or len(set(names)) < len(names):
        raise InputError(f"names {names}; accepted: 1 or more factors, each once")
    occurs = occurring(dataset, names)
    classes = _classes(dataset, names, occurs.shape)
    if isinstance(held_out, float):
        held = _drawn(names, occurs, classes, held_out, seed)
    else:
        held = _table(dataset, names, held_out, occurs.shape)
    divided = np.intersect1d(classes[occurs & held], classes[occurs & ~held])
    if divided.size:
        twins = [_named(dataset, names, place) for place in np.argwhere(classes == divided[0])]
        raise InputError(
            f"held_out of {listed(names)}: {' and '.join(twins)} look alike; "
            "accepted: all of them or none"
        )
    if not (occurs & held).any() or not (occurs & ~held).any():
        raise InputError(
            f"held_out of {listed(names)}: {np.count_nonzero(occurs & held)} of the "
            f"{np.count_nonzero(occurs)} combinations that occur; accepted: some, not all"
        )
    if set(names) <= set(dataset.factors):
        rows = held[tuple(dataset.columns(names).T)]
        return dataset.take(~rows), dataset.take(rows)
    before = dataset.shown.get(names, True)
    return (
        dataclasses.replace(dataset, shown={**dataset.shown, names: before & ~held}),
        dataclasses.replace(dataset, shown={**dataset.shown, names: before & held}),
    )


def _classes(dataset: FactorDataset, names: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """A number for every combination, shared by look-alikes."""
    for among, table in dataset.look_alikes.items():
        if set(among) == set(names):
            return table.transpose([among.index(name) for name in names])
    return np.arange(int(np.prod(shape))).reshape(shape)


def _table(
    dataset: FactorDataset, names: tuple[str, ...], held_out: Any, shape: tuple[int, ...]
) -> np.ndarray:
    if isinstance(held_out, np.ndarray) and held_out.dtype == bool:
        if held_out.shape != shape:
            raise InputError(f"held_out: shape {held_out.shape}; accepted: {shape}")
        return held_out
    if isinstance(held_out, str) or not isinstance(held_out, Iterable):
        raise InputError(
            f"held_out: {held_out!r}; accepted: tuples of values, bool {shape}, or a share"
        )
    held = np.zeros(shape, bool)
    for values in held_out:
        if not isinstance(values, tuple | list) or len(values) != len(names):
            raise InputError(
                f"held_out: {values!r}; accepted: a tuple of values of {listed(names)}"
            )
        held[tuple(map(dataset.code, names, values))] = True
    return held


def _drawn(
    names: tuple[str, ...], occurs: np.ndarray, classes: np.ndarray, share: float, seed: int
) -> np.ndarray:
    """A share of the classes that occur; every value of several factors keeps a combination."""
    places = np.argwhere(occurs)
    present, number = np.unique(classes[occurs], return_inverse=True)
    members = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    left = [
        np.bincount(column, minlength=size)
        for column, size in zip(places.T, occurs.shape, strict=True)
    ]
    count, held = round(share * len(present)), np.zeros_like(occurs)
    taken = 0
    for one in np.random.default_rng(seed).permutation(len(present)):
        if taken == count:
            break
        rows = places[members[one]]
        after = [counts.copy() for counts in left]
        for counts, column in zip(after, rows.T, strict=True):
            np.subtract.at(counts, column, 1)
        lost = any(
            (counts[column] == 0).any() for counts, column in zip(after, rows.T, strict=True)
        )
        if len(names) == 1 or not lost:
            held[tuple(rows.T)], left, taken = True, after, taken + 1
    if taken < count or not 0 < count < len(present):
        raise InputError(
            f"held_out {share}: {count} of the {len(present)} combinations of {listed(names)}; "
            f"accepted: a share of 1 to {len(present) - 1} of them that leaves every value one"
        )
    return held


def _named(dataset: FactorDataset, names: tuple[str, ...], place: np.ndarray) -> str:
    values = [str(dataset.value_names[n][code]) for n, code in zip(names, place, strict=True)]
    return f"({', '.join(values)})"
