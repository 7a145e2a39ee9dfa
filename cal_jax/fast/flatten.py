"""Several small arrays as one vector, and apart again.

XLA compiles a kernel for every array that it keeps, and of a few numbers that is all that a
kernel costs. But it writes a concatenation on a CPU out number by number: to make several by
one kernel pays where many places of a program have that kernel in common.
"""

import math
from collections.abc import Sequence

import jax
from jax import Array


def as_one(arrays: Sequence[Array]) -> Array:
    """The numbers of arrays of one dtype, one after the other: [P]."""
    flat = [jax.lax.reshape(array, (array.size,)) for array in arrays]
    return jax.lax.concatenate(flat, 0)


def apart(vector: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Arrays of these shapes from their numbers [P], one after the other."""
    parts = jax.lax.split(vector, [math.prod(shape) for shape in shapes])
    return [jax.lax.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
