"""Joint training of several seeds; the only module with an axis of seeds.

State and keys of S seeds have a leading axis [S], also where S is 1. Data that
all seeds share is held once; data that differs between them is stacked. Batch
statistics are each seed's own.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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


def over_seeds(
    axes: Any, count: int, function: Callable[..., Any], before: int = 0
) -> Callable[..., Any]:
    """A step of one seed, or a loop of steps, as that of ``count`` seeds.

    A single seed uses the function without the axis: inside a loop an
    axis of length 1 makes XLA:CPU copy parameters and moments at every step.

    Args:
      axes: see ``SeedData``.
      count: S.
      function: ``(state, key, data, rows, *rest) -> (state, metrics)``.
      before: axes that rows and metrics have before that of the seeds: 1, of the
        steps, where the function is a loop.

    Returns:
      ``(state [S, ...], keys [S], data, rows [(T,) S, B], *rest) -> (state,
      metrics)``, each leaf with its axis [S].
    """

    def alone(state: Any, keys: Array, data: Any, rows: Array, *rest: Any) -> Any:
        of_one = jax.lax.index_in_dim(rows, 0, axis=before, keepdims=False)
        state, metrics = function(member(state, 0), keys[0], data, of_one, *rest)
        return _with_axis(state, 0), _with_axis(metrics, before)

    def several(state: Any, keys: Array, data: Any, rows: Array, *rest: Any) -> Any:
        mapped = jax.vmap(
            lambda *own: function(*own, *rest),
            in_axes=(0, 0, axes, before),
            out_axes=(0, before),
        )
        return mapped(state, keys, data, rows)

    return alone if count == 1 else several


def _with_axis(tree: Any, axis: int) -> Any:
    return jax.tree.map(lambda leaf: jnp.expand_dims(leaf, axis), tree)
