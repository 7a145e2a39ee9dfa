"""The mean over devices of a tree of arrays; between processes, its small leaves as one message."""

from typing import Any

import jax
from jax.flatten_util import ravel_pytree

from cal_jax.axes import DEVICE

SMALL = 2**14
"""Numbers in a leaf: up to so many, to start a message costs more than to copy what is in it."""


def device_mean(tree: Any) -> Any:
    """The mean of every leaf over the devices; to be called inside a map over "device".

    Gradients have a hundred leaves, most of them a few hundred numbers: between processes
    these travel together. Devices of one process share memory, and XLA joins their sums.
    """
    if jax.process_count() == 1:
        return jax.lax.pmean(tree, DEVICE)
    leaves, structure = jax.tree.flatten(tree)
    small, restored = ravel_pytree([leaf for leaf in leaves if leaf.size <= SMALL])
    large = [leaf for leaf in leaves if leaf.size > SMALL]
    small, large = jax.lax.pmean((small, large), DEVICE)
    of_small, of_large = iter(restored(small)), iter(large)
    means = [next(of_small if leaf.size <= SMALL else of_large) for leaf in leaves]
    return jax.tree.unflatten(structure, means)
