"""Trees with their small arrays joined, for elementwise work.

The optimiser and the norm of the gradient take four kernels for each array: a quarter of the
time to compile a step of the context-aware learner, which has 130. Joined, they are one. It
is used on accelerators too, for their kernel launches. (``optax.flatten`` copies large arrays as
well: a step takes 3 to 5 % longer, and its compilation 14 %.)
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import Array

from cal_jax.fast.switch import wanted

MOST = 2**16
"""Numbers of an array that is still joined: to copy a larger one costs a step more than its
kernels cost the compiler."""


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["arrays"],
    meta_fields=["structure", "shapes", "groups"],
)
@dataclasses.dataclass(frozen=True)
class Joined:
    """The leaves of a tree in few arrays; a pytree of these."""

    arrays: tuple[Array, ...]
    """One for each group: a leaf as it is, or several as a vector."""
    structure: Any
    """Of the tree."""
    shapes: tuple[tuple[int, ...], ...]
    """Of its leaves."""
    groups: tuple[tuple[int, ...], ...]
    """Which leaves are together: the small ones of a dtype, and each large one alone."""

    def tree(self) -> Any:
        """The tree."""
        leaves: dict[int, Array] = {}
        for group, array in zip(self.groups, self.arrays, strict=True):
            shapes = [self.shapes[index] for index in group]
            leaves.update(zip(group, _divided(array, shapes), strict=True))
        return jax.tree.unflatten(self.structure, [leaves[i] for i in range(len(leaves))])


def join(tree: Any) -> Joined:
    """The leaves of a tree, on the host or traced, in few arrays; each alone where ``fast`` is
    off."""
    leaves, structure = jax.tree.flatten(tree)
    most = MOST if wanted() else -1
    groups: dict[Any, list[int]] = {}
    for index, leaf in enumerate(leaves):
        groups.setdefault(str(leaf.dtype) if leaf.size <= most else index, []).append(index)
    arrays = tuple(_together([leaves[index] for index in group]) for group in groups.values())
    shapes = tuple(leaf.shape for leaf in leaves)
    return Joined(arrays, structure, shapes, tuple(map(tuple, groups.values())))


def join_each(tree: Any, like: Any) -> Any:
    """Every part of a tree that has the structure and shapes of ``like``, joined."""

    def description(node: Any) -> Any:
        return jax.tree.structure(node), [np.shape(leaf) for leaf in jax.tree.leaves(node)]

    wanted = description(like)

    def is_like(node: Any) -> bool:
        return description(node) == wanted

    return jax.tree.map(lambda node: join(node) if is_like(node) else node, tree, is_leaf=is_like)


def divide_each(tree: Any) -> Any:
    """Every part of a tree that is joined, as it was."""

    def is_joined(node: Any) -> bool:
        return isinstance(node, Joined)

    return jax.tree.map(
        lambda node: node.tree() if is_joined(node) else node, tree, is_leaf=is_joined
    )


def _together(leaves: Sequence[Any]) -> Any:
    if len(leaves) == 1:
        return leaves[0]
    if all(isinstance(leaf, np.ndarray) for leaf in leaves):
        return np.concatenate([np.ravel(leaf) for leaf in leaves])
    return jax.lax.concatenate([jax.lax.reshape(leaf, (leaf.size,)) for leaf in leaves], 0)


def _divided(array: Any, shapes: Sequence[tuple[int, ...]]) -> Sequence[Any]:
    if len(shapes) == 1:
        return [array]
    sizes = [math.prod(shape) for shape in shapes]
    if isinstance(array, np.ndarray):
        parts: Sequence[Any] = np.split(array, np.cumsum(sizes)[:-1])
    else:
        parts = jax.lax.split(array, sizes)
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
