"""The rectifier, of which a trace has one operation in each direction.

``jax.nn.relu`` is a function with a derivative of its own, which JAX traces anew for every
layer: as long as the layer's batch normalisation. Value and derivative are the same.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array, jit
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def relu(x: Array) -> Array:
    """max(x, 0); its derivative at 0 is 0. Not-a-number stays so."""
    return _relu.bind(x)


def _value(x: Array) -> Array:
    return jnp.maximum(x, jnp.zeros_like(x))


def _slope_times(tangent: Array, y: Array) -> Array:
    return jnp.where(y > 0, tangent, jnp.zeros_like(tangent))


def _like_first(first: Any, *_: Any) -> Any:
    return first


def _to_tangent(cotangent: Array, tangent: Any, y: Array) -> tuple[Array, None]:
    del tangent
    return _gradient.bind(cotangent, y), None


def _batch(
    primitive: Primitive, arrays: Sequence[Array], dims: Sequence[int | None]
) -> tuple[Array, int | None]:
    if any(dim != dims[0] for dim in dims):
        size = next(x.shape[dim] for x, dim in zip(arrays, dims, strict=True) if dim is not None)
        arrays = [
            batching.bdim_at_front(*mapped, size) for mapped in zip(arrays, dims, strict=True)
        ]
        dims = (0,)
    return primitive.bind(*arrays), dims[0]


def _define(name: str, plain: Any) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jit(plain))
    primitive.def_abstract_eval(_like_first)
    batching.primitive_batchers[primitive] = functools.partial(_batch, primitive)
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=False))
    return primitive


_relu = _define("relu", _value)
_gradient = _define("relu_gradient", _slope_times)
ad.defjvp2(_relu, lambda tangent, y, x: _gradient.bind(tangent, y))
ad.defjvp(_gradient, lambda tangent, _, y: _gradient.bind(tangent, y), None)
ad.primitive_transposes[_gradient] = _to_tangent
