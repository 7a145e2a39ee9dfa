"""Several seeds trained together: the only file that knows the axis of seeds.

State and keys of S seeds have a leading axis [S], also where S is 1. Data that
all seeds share is held once; data that differs between them is stacked. Batch
statistics are each seed's own.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array


class SeedData(NamedTuple):
    """The data of S seeds."""

    arrays: Any
    """The structure of one seed's; each leaf as it is there, or stacked [S, ...]."""
    axes: Any
    """Of each leaf: None where all seeds share it, 0 where it is stacked."""


def stack(trees: Sequence[Any]) -> Any:
    """Trees of host arrays as one, each leaf [S, ...]."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def member(tree: Any, index: int) -> Any:
    """One seed's part of a tree with leading axes [S]."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def keys_of(seeds: Sequence[int]) -> Array:
    """The keys of the seeds, [S]."""
    return jax.numpy.stack([jax.random.key(seed) for seed in seeds])


def together(datas: Sequence[Any]) -> SeedData:
    """The data of each seed as one tree: a leaf that is equal for all seeds is held once."""
    leaves = list(zip(*map(jax.tree.leaves, datas), strict=True))
    shared = [
        all(one is same[0] or np.array_equal(one, same[0]) for one in same) for same in leaves
    ]
    held = [
        same[0] if is_one else np.stack(same) for same, is_one in zip(leaves, shared, strict=True)
    ]
    structure = jax.tree.structure(datas[0])
    axes = [None if is_one else 0 for is_one in shared]
    return SeedData(
        jax.tree.unflatten(structure, held),
        jax.tree.unflatten(structure, axes) if any(axis == 0 for axis in axes) else None,
    )


def over_seeds(step: Callable[..., Any], axes: Any, count: int) -> Callable[..., Any]:
    """A step of one seed as a step of ``count``.

    A single seed takes the step as it is: a mapped axis of length 1 would cost
    it time.

    Args:
      step: ``(state, key, data, rows [B]) -> (state, metrics)``.
      axes: see ``SeedData``.
      count: S.

    Returns:
      ``(state [S, ...], keys [S], data, rows [S, B]) -> (state, metrics)``, each
      leaf with a leading axis [S].
    """
    if count > 1:
        return jax.vmap(step, in_axes=(0, 0, axes, 0))

    def alone(state: Any, keys: Array, data: Any, rows: Array) -> Any:
        taken = step(member(state, 0), keys[0], data, rows[0])
        return jax.tree.map(lambda leaf: leaf[None], taken)

    return alone
