"""Sampler of crossed sets: tables of items, a few values of each context by a few of the others.

Shape letters: K contexts, G values of a context in a table, N items of a table.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_cells import cells_of
from cal_jax.data.set_samplers import EPOCH, SetSampler
from cal_jax.data.sets import DataSet
from cal_jax.errors import InputError


def crossed_sampler(
    dataset: FactorDataset,
    sizes: Mapping[str, int],
    given: Mapping[str, Sequence[int]] | None = None,
    *,
    epoch: int = EPOCH,
) -> SetSampler:
    """Tables drawn at every step on the device: for ``objectives.crossed.crossed_elbo``.

    A table has G_k different values of each context, drawn uniformly, and one item of every
    combination; a combination that does not occur is padding.

    Args:
        dataset: the items.
        sizes: G_k by context, in the order of the model's contexts.
        given: by context, how many items of each group count in its posterior: one of these
            numbers, drawn for each group; the items are drawn too. Of a context not named,
            all of them.
        epoch: tables that count as one epoch.

    Returns:
        A sampler of x [N, *X], groups int32 [N, K] and given float32 [N, K], and the mask [N];
        N is the product of the sizes.

    Raises:
        InputError: no such context, more values than it has, or no number of given items.
    """
    contexts, shape = tuple(sizes), tuple(sizes.values())
    cells = cells_of(dataset, contexts)
    occurring = [np.unique(cells.values[:, k]).astype(np.int32) for k in range(len(contexts))]
    for name, size, values in zip(contexts, shape, occurring, strict=True):
        if not 1 <= size <= len(values):
            raise InputError(f"sizes: {size} of {name}; accepted: 1 to {len(values)}")
    counts = _given_counts(given or {}, contexts)
    whole = tuple(dataset.sizes[name] for name in contexts)
    cell_of = np.full(whole, -1, np.int32)
    cell_of[tuple(cells.values.T)] = np.arange(len(cells.values))
    groups = np.asarray(list(itertools.product(*map(range, shape))), np.int32)
    show = dataset.show(contexts)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        del row  # every table is drawn anew
        items, (cell_of, cells, occurring) = data
        key_values, key_items, key_given, key_render = jax.random.split(key, 4)
        chosen = [
            jax.random.permutation(one, values)[:size]
            for one, values, size in zip(
                jax.random.split(key_values, len(shape)), occurring, shape, strict=True
            )
        ]
        values = jnp.stack([of[groups[:, k]] for k, of in enumerate(chosen)], axis=1)
        cell = cell_of[tuple(values.T)]
        pool = cells.pool[cell]
        bits = jax.random.bits(key_items, (len(groups),))
        rank = (bits % cells.pool_size[pool].astype(jnp.uint32)).astype(jnp.int32)
        x = show(items[cells.rows[cells.pool_first[pool] + rank]], values, key_render)
        mask = (cell >= 0).astype(jnp.float32)
        given = [
            _choose(one, jnp.asarray(groups[:, k]), mask, of)
            for k, (one, of) in enumerate(
                zip(jax.random.split(key_given, len(shape)), counts, strict=True)
            )
        ]
        of_one = (x.astype(jnp.float32), jnp.asarray(groups), jnp.stack(given, axis=1))
        return DataSet(of_one, mask)

    return SetSampler((dataset.items, (cell_of, cells, occurring)), draw, epoch)


def largest_group_count(sizes: Mapping[str, int]) -> int:
    """``num_groups`` of ``crossed_elbo`` for these tables."""
    return max(sizes.values())


def _given_counts(
    given: Mapping[str, Sequence[int]], contexts: tuple[str, ...]
) -> list[tuple[int, ...] | None]:
    for name, counts in given.items():
        if name not in contexts:
            raise InputError(f"given {name!r}; accepted: {', '.join(contexts)}")
        if not counts or min(counts) < 1:
            raise InputError(f"given: {tuple(counts)} of {name}; accepted: numbers of 1 or more")
    return [tuple(given[name]) if name in given else None for name in contexts]


def _choose(
    key: jax.Array, group: jax.Array, mask: jax.Array, counts: tuple[int, ...] | None
) -> jax.Array:
    """1 for the items [N] that are given: of each group, as many as one of the counts."""
    if counts is None:
        return mask
    key_count, key_order = jax.random.split(key)
    count = jax.random.choice(key_count, jnp.asarray(counts), group.shape)[group]
    order = jax.random.uniform(key_order, group.shape) + 2.0 * (1.0 - mask)
    before = (group[None] == group[:, None]) & (order[None] < order[:, None])
    return mask * (jnp.sum(before, axis=1) < count)
