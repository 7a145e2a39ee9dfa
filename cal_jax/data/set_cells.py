"""Combinations of context values that occur, and the items that have them.

Shape letters: I items, K contexts, C combinations ("cells"), P pools of items that share
the values of their columns, G combinations of the constant contexts' values ("groups").
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import joint_codes, listed
from cal_jax.data.mask_mix import ConstantMask
from cal_jax.errors import InputError


class Cells(NamedTuple):
    """Combinations of contexts' values that occur, and the pool of items of each."""

    values: np.ndarray
    """int32 [C, K]."""
    pool: np.ndarray
    """int32 [C]: where only rendered factors differ, cells share a pool."""
    pool_first: np.ndarray
    """int32 [P]: a pool's first place in ``rows``."""
    pool_size: np.ndarray
    """int32 [P]: its items."""
    rows: np.ndarray
    """int32 [I]: of the items, pool by pool."""


class Groups(NamedTuple):
    """The cells of one mask by the values of its constant contexts."""

    cells: np.ndarray
    """int32 [C']: group by group."""
    first: np.ndarray
    """int32 [G]: a group's first place in ``cells``."""
    size: np.ndarray
    """int32 [G]: its cells."""
    capacity: np.ndarray
    """int32 [G]: different items that it can supply; none increases."""

    def usable(self, sizes: np.ndarray) -> np.ndarray:
        """The number of leading groups that can supply this many different items each."""
        return np.searchsorted(-self.capacity, -np.asarray(sizes), side="right")


def cells_of(
    dataset: FactorDataset, contexts: Sequence[str], given: Mapping[str, Any] | None = None
) -> Cells:
    """The cells of a data set's contexts.

    Args:
        dataset: the items.
        contexts: names of its factors, each once, including every rendered one.
        given: restricts contexts to one value each, by name.

    Raises:
        InputError: other contexts, or no item with the given values.
    """
    contexts = tuple(contexts)
    if not contexts or len(set(contexts)) < len(contexts):
        raise InputError(
            f"contexts {contexts}; accepted: 1 or more of {listed(dataset.names)}, each once"
        )
    dataset.require(*contexts)
    dataset.show(contexts)
    for names in dataset.shown:
        if not set(names) <= set(contexts):
            raise InputError(
                f"contexts {listed(contexts)}: some combinations of {listed(names)} are held "
                "out; accepted: contexts with all of these"
            )
    columns = [name for name in contexts if name in dataset.factors]
    rendered = [name for name in contexts if name in dataset.rendered]
    codes = dataset.columns(columns)
    joint = joint_codes(codes, [dataset.sizes[name] for name in columns])
    _, example, inverse, count = np.unique(
        joint, return_index=True, return_inverse=True, return_counts=True
    )
    sizes = [dataset.sizes[name] for name in rendered]
    shown = np.indices(sizes).reshape(len(sizes), math.prod(sizes)).T  # all their combinations
    pool = np.repeat(np.arange(len(count)), len(shown))
    found = {name: codes[example][pool, k] for k, name in enumerate(columns)}
    found |= {name: np.tile(shown[:, k], len(count)) for k, name in enumerate(rendered)}
    values = np.stack([found[name] for name in contexts], axis=-1)
    kept = np.ones(len(values), bool)
    for names, table in dataset.shown.items():
        kept &= table[tuple(found[name] for name in names)]
    for name, value in (given or {}).items():
        if name not in contexts:
            raise InputError(f"given {name!r}; accepted: {listed(contexts)}")
        kept &= found[name] == dataset.code(name, value)
    if not kept.any():
        raise InputError(
            f"contexts {listed(contexts)}{f' given {dict(given)}' if given else ''}: no "
            "combination of values occurs; accepted: 1 or more"
        )
    return Cells(
        values[kept].astype(np.int32),
        pool[kept].astype(np.int32),
        (np.cumsum(count) - count).astype(np.int32),
        count.astype(np.int32),
        np.argsort(inverse, kind="stable").astype(np.int32),
    )


def groups_of(cells: Cells, mask: ConstantMask, contexts: Sequence[str], set_size: int) -> Groups:
    """The usable groups of one mask, by decreasing number of items.

    Args:
        cells: of the contexts.
        mask: K entries, 1 where a context is constant.
        contexts: their names, for errors.
        set_size: different items that at least one group must supply.

    Raises:
        InputError: a varying context has one value, or no group can supply a set. It names
            the mask.
    """
    said = f"mask {tuple(map(int, mask))} of ({', '.join(contexts)})"
    constant = np.flatnonzero(mask)
    for k, entry in enumerate(mask):
        if not entry and (cells.values[:, k] == cells.values[0, k]).all():
            raise InputError(
                f"{said}: {contexts[k]} has one value alone, and cannot vary; accepted: masks "
                "in which it is constant, or items of two or more values"
            )
    sizes = cells.values.max(axis=0) + 1
    _, group = np.unique(
        joint_codes(cells.values[:, constant], sizes[constant]), return_inverse=True
    )
    number = int(group.max()) + 1
    # Cells of a group that share a pool supply its items once.
    pairs = np.unique(group.astype(np.int64) * len(cells.pool_size) + cells.pool)
    owner, pool = np.divmod(pairs, len(cells.pool_size))
    capacity = np.bincount(owner, cells.pool_size[pool], number).astype(np.int64)
    if capacity.max() < set_size:
        raise InputError(
            f"{said}: no combination of constant values has more than {capacity.max()} "
            f"different items; accepted: set_size up to {capacity.max()}, not {set_size}"
        )
    size = np.bincount(group, minlength=number)
    first = np.cumsum(size) - size
    order = np.argsort(-capacity, kind="stable")
    return Groups(
        np.argsort(group, kind="stable").astype(np.int32),
        first[order].astype(np.int32),
        size[order].astype(np.int32),
        capacity[order],
    )
