"""Matrix product whose mapped axes become rows before differentiation.

Under ``vmap``, JAX differentiates ``x @ w`` with respect to w as a product that
contracts two axes at once, the data sets and their items. XLA:CPU transposes and
copies an operand of such a product; of one whose rows have been flattened it does
not. A step of the neural statistician takes half of the time. For ``jit``, ``vmap``
and ``pmap``; under ``jax.shard_map`` its gradient lacks the varying axes.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from cal_jax.fast.switch import enabled

_Pair = tuple[Array, Array]
_Axes = tuple[Any, Any]


def row_product(x: Array, w: Array) -> Array:
    """x [..., F] times w [F, G]: [..., G]."""
    return _product.bind(x, w)


def dot_general(x: Array, w: Array, dimension_numbers: Any, **options: Any) -> Array:
    """``jax.lax.dot_general`` as ``nn.Dense`` calls it, by ``row_product`` where that is on."""
    if enabled() and w.ndim == 2 and options.get("precision") is None:
        return row_product(x, w)
    return jax.lax.dot_general(x, w, dimension_numbers, **options)


def _rows_of(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _matmul(x: Array, w: Array) -> Array:
    rows = jax.lax.dot_general(_rows_of(x), w, (((1,), (0,)), ((), ())))
    return rows.reshape(*x.shape[:-1], w.shape[1])


def _matrix_of_gradients(x: Array, dy: Array) -> Array:
    return jax.lax.dot_general(_rows_of(x), _rows_of(dy), (((0,), (0,)), ((), ())))


def _shape(x: Any, w: Any) -> Any:
    return jax.core.ShapedArray((*x.shape[:-1], w.shape[1]), x.dtype)


def _shape_of_gradients(x: Any, dy: Any) -> Any:
    return jax.core.ShapedArray((x.shape[-1], dy.shape[-1]), x.dtype)


def _batch(arrays: _Pair, axes: _Axes) -> tuple[Array, int]:
    (x, w), (x_axis, w_axis) = arrays, axes
    if w_axis is not None:
        return jax.vmap(_matmul, in_axes=axes)(x, w), 0
    return _product.bind(batching.bdim_at_front(x, x_axis, x.shape[x_axis]), w), 0


def _batch_gradient(arrays: _Pair, axes: _Axes) -> tuple[Array, int]:
    return jax.vmap(_matrix_of_gradients, in_axes=tuple(axes))(*arrays), 0


def _to_rows(cotangent: Array, x: Any, w: Array) -> Array:
    del x
    return _product.bind(cotangent, w.T)


def _to_matrix(cotangent: Array, x: Array, w: Any) -> Array:
    del w
    return _gradient.bind(x, cotangent)


def _gradient_to_rows(cotangent: Array, x: Any, dy: Array) -> Array:
    del x
    return _product.bind(dy, cotangent.T)


def _gradient_to_cotangents(cotangent: Array, x: Array, dy: Any) -> Array:
    del dy
    return _product.bind(x, cotangent)


def _define(
    name: str, plain: Callable[..., Array], shape: Callable[..., Any], batch: Callable[..., Any]
) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(plain))
    primitive.def_abstract_eval(shape)
    batching.primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=False))
    return primitive


_product = _define("row_product", _matmul, _shape, _batch)
_gradient = _define(
    "row_product_gradient", _matrix_of_gradients, _shape_of_gradients, _batch_gradient
)
ad.defbilinear(_product, _to_rows, _to_matrix)
ad.defbilinear(_gradient, _gradient_to_rows, _gradient_to_cotangents)
