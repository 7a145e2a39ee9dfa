"""Samplers of context sets for a training step: from stored rows, or drawn on the device.

Shape letters: M sets, N items in the largest set, K contexts, A masks, G groups of a mask.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.context_sets import (
    ContextSets,
    SetSize,
    checked_size,
    free_rank,
    one_constant_mix,
)
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import Mix, checked_mix
from cal_jax.data.set_cells import cells_of, groups_of
from cal_jax.data.sets import DataSet

EPOCH = 10_000
"""Sets in an epoch of sets drawn at every step."""

BATCH = 256
"""Sets that ``render_sets`` renders at a time."""


class SetSampler(NamedTuple):
    """The source of a training step's data sets."""

    data: Any
    """Arrays that ``draw`` reads; they go to the device once."""
    draw: Callable[[jax.Array, Any, jax.Array], DataSet]
    """(key, data, row []) -> x [N, *event_shape] and the mask a [K]; and the items' mask
    [N], or None. Pure."""
    num_sets: int
    """Rows that an epoch visits."""

    def one(self, key: jax.Array) -> DataSet:
        """The first data set."""
        return self.draw(key, jax.tree.map(jnp.asarray, self.data), jnp.int32(0))


def stored_sampler(
    dataset: FactorDataset, contexts: Sequence[str], sets: ContextSets
) -> SetSampler:
    """Sets drawn in advance: ``row`` selects one, and the key is ``render``'s.

    Args:
        dataset: the items.
        contexts: names of the sets' contexts.
        sets: rows of the items.
    """
    show = dataset.show(contexts)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        items, stored = data
        x = show(items[stored.items[row]], stored.values[row], key)
        mask = None if stored.mask is None else stored.mask[row]
        return DataSet((x, stored.constant_mask[row]), mask)

    return SetSampler((dataset.items, sets), draw, len(sets.items))


def device_sampler(
    dataset: FactorDataset,
    contexts: Sequence[str],
    *,
    set_size: SetSize,
    mix: Mix | None = None,
    epoch: int = EPOCH,
) -> SetSampler:
    """Sets drawn at every step, with the distribution of ``draw_context_sets``.

    The mask is drawn with the mix's weights, so its counts are not exact; the row is unused.

    Args:
        dataset, contexts, set_size, mix: see ``draw_context_sets``.
        epoch: sets that count as one epoch.

    Raises:
        InputError: see ``draw_context_sets``.
    """
    draw_rows = row_sampler(dataset, contexts, set_size=set_size, mix=mix)
    show = dataset.show(contexts)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        items, tables = data
        key_rows, key_render = jax.random.split(key)
        one: Any = draw_rows.draw(key_rows, tables)
        x = show(items[one.items], one.values, key_render)
        return DataSet((x, one.constant_mask), one.mask)

    return SetSampler((dataset.items, draw_rows.tables), draw, epoch)


def _below(bits: jax.Array, count: Any) -> jax.Array:
    """32 random bits as a number 0 to ``count`` - 1, uniform up to a share count / 2^32."""
    return (bits % jnp.asarray(count, jnp.uint32)).astype(jnp.int32)


class RowSampler(NamedTuple):
    """Draws the rows of one set on the device."""

    tables: Any
    """Arrays that ``draw`` reads."""
    draw: Callable[[jax.Array, Any], ContextSets]
    """(key, tables) -> one set, without the leading axis M; pure."""


class _Tables(NamedTuple):
    """``Cells`` and, padded to the largest, the ``Groups`` of every mask."""

    masks: np.ndarray  # float32 [A, K]
    cumulative: np.ndarray  # float32 [A - 1]: weights up to each mask but the last
    usable: np.ndarray  # int32 [A, largest + 1]: groups by the size of a set
    group_cells: np.ndarray  # int32 [A, C]
    group_first: np.ndarray  # int32 [A, G]
    group_size: np.ndarray  # int32 [A, G]
    values: np.ndarray
    pool: np.ndarray
    pool_first: np.ndarray
    pool_size: np.ndarray
    rows: np.ndarray


def row_sampler(
    dataset: FactorDataset,
    contexts: Sequence[str],
    *,
    set_size: SetSize,
    mix: Mix | None = None,
) -> RowSampler:
    """The row sampler of ``device_sampler``."""
    low, high = checked_size(set_size)
    cells = cells_of(dataset, contexts)
    masks, weights = checked_mix(
        one_constant_mix(len(contexts)) if mix is None else mix, len(contexts)
    )
    masks, weights = masks[weights > 0], weights[weights > 0]
    groups = [groups_of(cells, tuple(map(int, mask)), contexts, high) for mask in masks]
    most = max(len(of.first) for of in groups)
    pad = [(0, most - len(of.first)) for of in groups]
    tables = _Tables(
        masks.astype(np.float32),
        (np.cumsum(weights)[:-1] / weights.sum()).astype(np.float32),
        np.stack([of.usable(np.arange(high + 1)) for of in groups]).astype(np.int32),
        np.stack([of.cells for of in groups]),
        np.stack([np.pad(of.first, width) for of, width in zip(groups, pad, strict=True)]),
        np.stack([np.pad(of.size, width) for of, width in zip(groups, pad, strict=True)]),
        *cells,
    )

    def draw(key: jax.Array, tables: Any) -> ContextSets:
        key_set, key_items, key_again = jax.random.split(key, 3)
        of_set = jax.random.bits(key_set, (3,))
        of_items = jax.random.bits(key_items, (high, 2))
        a = jnp.sum(of_set[0].astype(jnp.float32) / 2.0**32 >= tables.cumulative)
        size = low + _below(of_set[1], high - low + 1)
        group = _below(of_set[2], tables.usable[a, size])
        first, cell_count = tables.group_first[a, group], tables.group_size[a, group]
        never = len(tables.rows) + high

        def cell_of(bits: jax.Array, pools: jax.Array) -> tuple[jax.Array, jax.Array]:
            """A cell of the group, and its number of remaining items."""
            cell = tables.group_cells[a, first + _below(bits, cell_count)]
            pool = tables.pool[cell]
            return cell, tables.pool_size[pool] - jnp.sum(pools == pool)

        def add(n: jax.Array, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            chosen, pools, ranks = state
            # Beyond the set's size no pool is marked as used, so the loop ends.
            used_pools = jnp.where(n < size, pools, -1)

            def again(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
                key, key_now = jax.random.split(state[0])
                return key, *cell_of(jax.random.bits(key_now), used_pools)

            start = (jax.random.fold_in(key_again, n), *cell_of(of_items[n, 0], used_pools))
            _, cell, free = jax.lax.while_loop(lambda state: state[2] <= 0, again, start)
            pool = tables.pool[cell]
            taken = jnp.where(used_pools == pool, ranks, never)
            rank = free_rank(jnp, _below(of_items[n, 1], free), taken)
            return (
                chosen.at[n].set(jnp.where(n < size, cell, chosen[0])),
                pools.at[n].set(jnp.where(n < size, pool, pools[0])),
                ranks.at[n].set(jnp.where(n < size, rank, ranks[0])),
            )

        none = jnp.zeros(high, jnp.int32)
        chosen, pools, ranks = jax.lax.fori_loop(0, high, add, (none, none - 1, none))
        mask: Any = None if low == high else (jnp.arange(high) < size).astype(jnp.float32)
        rows = tables.rows[tables.pool_first[pools] + ranks]
        return ContextSets(rows, tables.values[chosen], tables.masks[a], mask)

    return RowSampler(tables, draw)


def render_sets(
    dataset: FactorDataset,
    contexts: Sequence[str],
    sets: ContextSets,
    key: jax.Array | None = None,
) -> np.ndarray:
    """Render all sets, [M, N, *event_shape], in batches.

    Args:
        dataset: the items.
        contexts: names of the sets' contexts.
        sets: rows of the items.
        key: of ``render``; set m has its own, folded from it. None: of seed 0.
    """
    show = dataset.show(contexts)
    if dataset.render is None:
        return dataset.items[sets.items]
    batched = jax.jit(jax.vmap(show))
    key = jax.random.key(0) if key is None else key
    keys = jax.vmap(lambda m: jax.random.fold_in(key, m))(jnp.arange(len(sets.items)))
    parts = [
        np.asarray(batched(dataset.items[sets.items[rows]], sets.values[rows], keys[rows]))
        for rows in np.array_split(np.arange(len(sets.items)), -(-len(sets.items) // BATCH))
    ]
    return np.concatenate(parts)
