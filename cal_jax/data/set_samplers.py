"""Context sets as a training step reads them: stored rows, or drawn anew on the device.

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
from cal_jax.data.label_mix import Mix, checked_mix
from cal_jax.data.set_cells import cells_of, groups_of
from cal_jax.data.sets import DataSet

BATCH = 256
"""Sets that ``render_sets`` shows at a time."""


class SetSampler(NamedTuple):
    """Where a training step's data sets come from."""

    data: Any
    """Arrays that ``draw`` reads; they go to the device once."""
    draw: Callable[[jax.Array, Any, jax.Array], DataSet]
    """(key, data, row []) -> x [N, *event_shape] and the mask a [K]; and the items' mask
    [N], or None. Pure."""


def stored_sampler(
    dataset: FactorDataset, contexts: Sequence[str], sets: ContextSets
) -> SetSampler:
    """Sets that were drawn in advance: ``row`` chooses one, the key is ``render``'s.

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

    return SetSampler((dataset.items, sets), draw)


def device_sampler(
    dataset: FactorDataset,
    contexts: Sequence[str],
    *,
    set_size: SetSize,
    mix: Mix | None = None,
) -> SetSampler:
    """Sets drawn anew at every step, distributed as those of ``draw_context_sets``.

    The mask is drawn with the mix's weights, so its counts are not exact; the row is not read.

    Args:
        dataset, contexts, set_size, mix: see ``draw_context_sets``.

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

    return SetSampler((dataset.items, draw_rows.tables), draw)


class RowSampler(NamedTuple):
    """Draws the rows of one set on the device."""

    tables: Any
    """Arrays that ``draw`` reads."""
    draw: Callable[[jax.Array, Any], ContextSets]
    """(key, tables) -> one set, without the leading axis M; pure."""


class _Tables(NamedTuple):
    """``Cells`` and, padded to the largest, the ``Groups`` of every mask."""

    masks: np.ndarray  # float32 [A, K]
    log_weights: np.ndarray  # [A]
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
    """See ``device_sampler``, of which this draws everything but the items' content."""
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
        np.log(weights / weights.sum()).astype(np.float32),
        np.stack([of.usable(np.arange(high + 1)) for of in groups]).astype(np.int32),
        np.stack([of.cells for of in groups]),
        np.stack([np.pad(of.first, width) for of, width in zip(groups, pad, strict=True)]),
        np.stack([np.pad(of.size, width) for of, width in zip(groups, pad, strict=True)]),
        *cells,
    )

    def draw(key: jax.Array, tables: Any) -> ContextSets:
        key_mask, key_size, key_group, key_items = jax.random.split(key, 4)
        a = jax.random.categorical(key_mask, tables.log_weights)
        size = jax.random.randint(key_size, (), low, high + 1)
        group = jax.random.randint(key_group, (), 0, tables.usable[a, size])
        first, cell_count = tables.group_first[a, group], tables.group_size[a, group]
        never = len(tables.rows) + high

        def cell_for(key: jax.Array, pools: jax.Array) -> tuple[jax.Array, jax.Array]:
            """A cell, uniform among those with an item left, and how many are left."""

            def attempt(state: tuple[jax.Array, Any, Any]) -> tuple[jax.Array, Any, Any]:
                key, key_now = jax.random.split(state[0])
                place = first + jax.random.randint(key_now, (), 0, cell_count)
                cell = tables.group_cells[a, place]
                pool = tables.pool[cell]
                return key, cell, tables.pool_size[pool] - jnp.sum(pools == pool)

            start = attempt((key, 0, 0))
            return jax.lax.while_loop(lambda state: state[2] <= 0, attempt, start)[1:]

        def add(n: jax.Array, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            chosen, pools, ranks = state
            key_cell, key_rank = jax.random.split(jax.random.fold_in(key_items, n))
            # Beyond the set's size no pool counts as used: the loop ends, nothing is kept.
            used_pools = jnp.where(n < size, pools, -1)
            cell, free = cell_for(key_cell, used_pools)
            pool = tables.pool[cell]
            taken = jnp.where(used_pools == pool, ranks, never)
            rank = free_rank(jnp, jax.random.randint(key_rank, (), 0, free), taken)
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
    dataset: FactorDataset, contexts: Sequence[str], sets: ContextSets, key: jax.Array
) -> np.ndarray:
    """What all sets show, [M, N, *event_shape], a batch of them at a time.

    Args:
        dataset: the items.
        contexts: names of the sets' contexts.
        sets: rows of the items.
        key: of ``render``; set m has its own, folded from it.
    """
    show = dataset.show(contexts)
    if dataset.render is None:
        return dataset.items[sets.items]
    batched = jax.jit(jax.vmap(show))
    keys = jax.vmap(lambda m: jax.random.fold_in(key, m))(jnp.arange(len(sets.items)))
    parts = [
        np.asarray(batched(dataset.items[sets.items[rows]], sets.values[rows], keys[rows]))
        for rows in np.array_split(np.arange(len(sets.items)), -(-len(sets.items) // BATCH))
    ]
    return np.concatenate(parts)
