"""Data sets with constant and varying contexts (thesis 6.4.1, 6.4.2).

A set is stored as row numbers, which ``set_samplers`` renders to items. Shape letters: M sets,
N items in the largest set, K contexts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import Mix, mixed_masks, one_constant
from cal_jax.data.set_cells import Cells, Groups, cells_of, groups_of
from cal_jax.errors import InputError

SetSize = int | tuple[int, int]
"""Items in a set: a number, or (smallest, largest) of a uniform distribution."""


class ContextSets(NamedTuple):
    """M data sets of up to N items with K contexts."""

    items: np.ndarray
    """int32 [M, N]: rows of the items. Beyond a set's size its first item again."""
    values: np.ndarray
    """int32 [M, N, K]: the true value of every context of every item."""
    constant_mask: np.ndarray
    """float32 [M, K]: the mask a, 1 where the context was held constant."""
    mask: np.ndarray | None = None
    """float32 [M, N], 1 for an item, 0 beyond a set's size; None where all sets have N."""


def draw_context_sets(
    rng: np.random.Generator,
    dataset: FactorDataset,
    contexts: Sequence[str],
    *,
    num_sets: int,
    set_size: SetSize,
    mix: Mix | None = None,
    given: Mapping[str, Any] | None = None,
) -> ContextSets:
    """Draw sets in which some contexts are constant and the others vary.

    The constant contexts of a set take a combination of values, uniform among those with
    enough different items. Then every item takes a combination of the varying contexts'
    values, uniform among those that occur with it, and an unused item with these values,
    uniform among those left; a combination without further items is replaced by another.
    No item occurs twice in a set. A varying context may be constant by chance
    (``accidentally_constant``); its mask stays 0. Other factors are ignored.

    Args:
        rng: of everything drawn; its state alone decides the result.
        dataset: the items.
        contexts: K of its factors, each once, with every rendered one.
        num_sets: M, at least 1.
        set_size: N, or (smallest, largest).
        mix: masks, any of {0, 1}^K, with their weights; the counts are exact, the order
            random (see ``mixed_masks``). None: each of the K masks with exactly one
            constant context equally often.
        given: restricts contexts to one value each, by name.

    Raises:
        InputError: a bad argument; a mask that no combination of values can satisfy, or
            that lets a context of one value vary. It names the mask.
    """
    low, high = checked_size(set_size)
    cells = cells_of(dataset, contexts, given)
    mix = one_constant_mix(len(contexts)) if mix is None else mix
    masks = mixed_masks(rng, mix, num_sets, len(contexts))
    sizes = rng.integers(low, high, num_sets, endpoint=True) if low < high else None
    counts = np.full(num_sets, high) if sizes is None else sizes
    rows = np.empty((num_sets, high), np.int32)
    chosen = np.empty((num_sets, high), np.int32)
    for mask in np.unique(masks, axis=0):
        sets = np.flatnonzero((masks == mask).all(axis=1))
        groups = groups_of(cells, tuple(map(int, mask)), contexts, high)
        rows[sets], chosen[sets] = _draw(rng, cells, groups, counts[sets], high)
    items = None if sizes is None else (np.arange(high) < sizes[:, None]).astype(np.float32)
    return ContextSets(rows, cells.values[chosen], masks, items)


def _draw(
    rng: np.random.Generator, cells: Cells, groups: Groups, sizes: np.ndarray, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and cells [M, N] of the sets of one mask, one column at a time for all sets."""
    group = rng.integers(groups.usable(sizes))
    first, size = groups.first[group], groups.size[group]
    cell = np.zeros((len(sizes), columns), np.int32)
    pool, rank = np.full_like(cell, -1), np.zeros_like(cell)
    never = len(cells.rows) + columns
    for n in range(columns):
        pending = np.flatnonzero(n < sizes)
        cell[n >= sizes, n] = cell[n >= sizes, 0]
        rank[n >= sizes, n] = rank[n >= sizes, 0]
        while pending.size:
            place = first[pending] + rng.integers(size[pending])
            cell[pending, n] = groups.cells[place]
            pool[pending, n] = cells.pool[cell[pending, n]]
            used = pool[pending, :n] == pool[pending, n, None]
            free = cells.pool_size[pool[pending, n]] - used.sum(axis=1)
            found = pending[free > 0]
            taken = np.where(used[free > 0], rank[found, :n], never)
            rank[found, n] = free_rank(np, rng.integers(free[free > 0]), taken)
            pending = pending[free <= 0]
    return cells.rows[cells.pool_first[cells.pool[cell]] + rank], cell


def free_rank(module: Any, drawn: Any, taken: Any) -> Any:
    """The ``drawn``-th free rank of 0, 1, ...; pure.

    Args:
        module: numpy or jax.numpy, whose arrays the others are.
        drawn: integer [...], from 0.
        taken: integer [..., n], distinct where they are ranks; numbers of at least
            ``n`` above any rank are ignored.

    Returns:
        [...].
    """
    ordered = module.sort(taken, axis=-1)
    # A taken rank shifts the drawn one up where fewer free ranks than that lie below it.
    free_below = ordered - module.arange(taken.shape[-1])
    return drawn + module.sum(free_below <= drawn[..., None], axis=-1)


def checked_size(set_size: SetSize) -> tuple[int, int]:
    """The smallest and the largest size of a set.

    Raises:
        InputError: below 1, or in the wrong order.
    """
    low, high = set_size if isinstance(set_size, tuple) else (set_size, set_size)
    if not 1 <= low <= high:
        raise InputError(f"set_size {set_size}; accepted: 1 or more, or (smallest, largest)")
    return low, high


def one_constant_mix(num_contexts: int) -> Mix:
    """Each mask with exactly one constant context equally often (decision 27)."""
    return tuple((mask, 1.0) for mask in one_constant(num_contexts))


def accidentally_constant(sets: ContextSets) -> np.ndarray:
    """Return bool [M]: whether a varying context has one value in the whole set."""
    unchanging = (sets.values == sets.values[:, :1]).all(axis=1)
    return (unchanging & (sets.constant_mask == 0)).any(axis=1)
