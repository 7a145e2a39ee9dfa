"""Sums over rows, of which XLA:CPU adds up neighbours first.

jaxlib's YNNPACK takes a sum over rows as it stands, apart from what computes the rows, and
slowly where they are wide: a third of a step of the neural statistician. To add up neighbours
is element-wise: it is fused with what computes them, and leaves a quarter of the rows. Rows
of zeros at the end, as those of padding, change no sum's rounding where the number of
neighbours is the same.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

MOST = 4
"""Rows that are added up: as quick as 8, and quicker than 16, 25 or 50, for sets of 200."""
NARROW = 64
"""Rows of so few features, as those of convolutions, are quicker as they stand."""
FEW = 2**17
"""Of so few numbers in all a sum takes no time, but one more kernel to compile."""


def row_sum(values: Array) -> Array:
    """The sum of values [..., R, F] over R; it has no derivative of its own."""
    return _row_sum.bind(values)


def _in_parts(values: Array) -> Array:
    *lead, rows, features = values.shape
    if features <= NARROW or values.size <= FEW:
        return _plain(values)
    count = next((count for count in range(MOST, 1, -1) if rows % count == 0), 1)
    parts = values.reshape(*lead, rows // count, count, features)
    return _plain(functools.reduce(jnp.add, (parts[..., part, :] for part in range(count))))


def _plain(values: Array) -> Array:
    return jnp.sum(values, axis=-2)


def _abstract(values: jax.core.ShapedArray) -> jax.core.ShapedArray:
    *lead, _, features = values.shape
    return jax.core.ShapedArray((*lead, features), values.dtype)


def _batch(arrays: tuple[Array], axes: tuple[int]) -> tuple[Array, int]:
    (values,), (axis,) = arrays, axes
    return _row_sum.bind(batching.bdim_at_front(values, axis, values.shape[axis])), 0


_row_sum = Primitive("row_sum")
_row_sum.def_impl(jax.jit(_plain))
_row_sum.def_abstract_eval(_abstract)
batching.primitive_batchers[_row_sum] = _batch
mlir.register_lowering(_row_sum, mlir.lower_fun(_plain, multiple_results=False))
mlir.register_lowering(_row_sum, mlir.lower_fun(_in_parts, multiple_results=False), platform="cpu")
