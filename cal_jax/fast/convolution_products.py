"""3x3 and transposed convolutions, fast on a CPU under mapping and differentiation.

Each is linear in the image and in the kernel, and the gradients are each other: three
primitives are closed under differentiation. Mapped axes of images (data sets, samples)
are flattened into the images before the differentiation, so a step makes one product of
a layer; an axis along which kernels differ too (seeds) becomes a loop. The forms are those
of ``convolution_forms`` and ``kernel_gradient``. For ``jit``, ``vmap`` and ``pmap``; under
``jax.shard_map`` the kernel's gradient lacks the varying axes.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from cal_jax.fast import convolution_forms as forms
from cal_jax.fast.kernel_gradient import kernel_gradient
from cal_jax.fast.switch import enabled

_Pair = tuple[Array, Array]
_Axes = tuple[Any, Any]


def convolve(x: Array, kernel: Array, stride: int = 1) -> Array:
    """Correlate images with a kernel, padded to "SAME".

    Args:
      x: [N, H, W, C].
      kernel: [3, 3, C, C'].
      stride: 1 or 2.

    Returns:
      [N, ceil(H / stride), ceil(W / stride), C'].
    """
    return _convolve.bind(x, kernel, stride=stride)


def transposed_convolve(x: Array, kernel: Array, sides: tuple[int, int], stride: int = 1) -> Array:
    """Dilate images by ``stride`` and correlate them with a kernel, to a given size.

    Args:
      x: [N, h, w, C].
      kernel: [3, 3, C, C'].
      sides: (H, W) such that h = ceil(H / stride), and likewise w.
      stride: 1 or 2.

    Returns:
      [N, H, W, C'].
    """
    if stride == 1:
        return convolve(x, kernel)
    return _transposed.bind(x, kernel, stride=stride, sides=tuple(sides))


def conv_general_dilated(
    x: Array, kernel: Array, window_strides: Sequence[int], padding: Any, **options: Any
) -> Array:
    """``jax.lax.conv_general_dilated`` as ``nn.Conv`` calls it, by ``convolve`` where that is on
    and does the same."""
    strides = tuple(window_strides)
    same = enabled() and padding == "SAME" and kernel.shape[:2] == (forms.KERNEL, forms.KERNEL)
    dilations = options.get("lhs_dilation"), options.get("rhs_dilation")
    if (
        same
        and strides in ((1, 1), (2, 2))
        and all(dilation in (None, (1, 1)) for dilation in dilations)
        and options.get("feature_group_count", 1) == 1
        and options.get("precision") is None
        and x.ndim == kernel.ndim == 4
    ):
        return convolve(x, kernel, strides[0])
    return jax.lax.conv_general_dilated(x, kernel, strides, padding, **options)


def _shape_convolved(x: Any, kernel: Any, *, stride: int) -> Any:
    n, h, w, _ = x.shape
    sides = (forms.small_side(h, stride), forms.small_side(w, stride))
    return jax.core.ShapedArray((n, *sides, kernel.shape[-1]), x.dtype)


def _shape_transposed(x: Any, kernel: Any, *, stride: int, sides: tuple[int, int]) -> Any:
    del stride
    return jax.core.ShapedArray((x.shape[0], *sides, kernel.shape[-1]), x.dtype)


def _shape_gradient(x: Any, cotangent: Any, *, stride: int) -> Any:
    del stride
    shape = (forms.KERNEL, forms.KERNEL, x.shape[-1], cotangent.shape[-1])
    return jax.core.ShapedArray(shape, x.dtype)


def _define(name: str, form: Callable[..., Array], shape: Callable[..., Any]) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(primitive.bind, static_argnames=("stride", "sides")))
    primitive.def_abstract_eval(shape)
    mlir.register_lowering(primitive, mlir.lower_fun(form, multiple_results=False))
    return primitive


def _loop(primitive: Primitive, arrays: _Pair, axes: _Axes, **options: Any) -> tuple[Array, int]:
    """One call after another along a mapped axis."""
    mapped = [
        jnp.moveaxis(array, axis, 0)
        for array, axis in zip(arrays, axes, strict=True)
        if axis is not None
    ]

    def one(slices: list[Array]) -> Array:
        rest = iter(slices)
        operands = [
            array if axis is None else next(rest) for array, axis in zip(arrays, axes, strict=True)
        ]
        return primitive.bind(*operands, **options)

    return jax.lax.map(one, mapped), 0


def _batch(primitive: Primitive, arrays: _Pair, axes: _Axes, **options: Any) -> tuple[Array, int]:
    """Flatten a mapped axis of the images into the images, if the kernel is not mapped."""
    (x, kernel), (x_axis, kernel_axis) = arrays, axes
    if kernel_axis is not None:
        return _loop(primitive, arrays, axes, **options)
    x = batching.bdim_at_front(x, x_axis, x.shape[x_axis])
    y = primitive.bind(x.reshape(-1, *x.shape[2:]), kernel, **options)
    return y.reshape(*x.shape[:2], *y.shape[1:]), 0


def _convolved_to_x(cotangent: Array, x: Any, kernel: Array, *, stride: int) -> Array:
    sides = x.aval.shape[1:3]
    return transposed_convolve(cotangent, forms.adjoint_kernel(kernel), sides, stride)


def _convolved_to_kernel(cotangent: Array, x: Array, kernel: Any, *, stride: int) -> Array:
    del kernel
    return _gradient.bind(x, cotangent, stride=stride)


def _transposed_to_x(
    cotangent: Array, x: Any, kernel: Array, *, stride: int, sides: tuple[int, int]
) -> Array:
    del x, sides
    return convolve(cotangent, forms.adjoint_kernel(kernel), stride)


def _transposed_to_kernel(
    cotangent: Array, x: Array, kernel: Any, *, stride: int, sides: tuple[int, int]
) -> Array:
    del kernel, sides
    return forms.adjoint_kernel(_gradient.bind(cotangent, x, stride=stride))


def _gradient_to_x(cotangent: Array, x: Any, dy: Array, *, stride: int) -> Array:
    sides = x.aval.shape[1:3]
    return transposed_convolve(dy, forms.adjoint_kernel(cotangent), sides, stride)


def _gradient_to_dy(cotangent: Array, x: Array, dy: Any, *, stride: int) -> Array:
    del dy
    return convolve(x, cotangent, stride)


_convolve = _define("convolve", forms.convolve, _shape_convolved)
_transposed = _define("transposed_convolve", forms.transposed_convolve, _shape_transposed)
_gradient = _define("kernel_gradient", kernel_gradient, _shape_gradient)
ad.defbilinear(_convolve, _convolved_to_x, _convolved_to_kernel)
ad.defbilinear(_transposed, _transposed_to_x, _transposed_to_kernel)
ad.defbilinear(_gradient, _gradient_to_x, _gradient_to_dy)
batching.primitive_batchers[_convolve] = functools.partial(_batch, _convolve)
batching.primitive_batchers[_transposed] = functools.partial(_batch, _transposed)
batching.primitive_batchers[_gradient] = functools.partial(_loop, _gradient)
