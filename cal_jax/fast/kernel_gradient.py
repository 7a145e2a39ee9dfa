"""A fast CPU form of a 3x3 convolution's gradient with respect to its kernel.

The gradient is a convolution too, whose kernel is as large as the image and whose channels
are the images. XLA:CPU runs its own form of it on one thread, and slower still inside a
loop. Here images move to the last axis, and columns and channels become one axis, along
which the kernel is dilated by the channels: all channels of three columns are then
neighbours in the result, as its library of convolutions wants them, and nothing is copied
more than once. It is done a few images at a time, so that they stay in the cache.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.fast.convolution_forms import (
    KERNEL,
    LAYOUT,
    TAPS,
    adjoint_kernel,
    low_padding,
)

CACHED_FLOATS = 51_200
"""Floats of the images of one chunk, and of their cotangents: 200 KiB of each."""
NARROW_FEATURES = 16
"""With at most so many features, two columns of the cotangent are taken for one of twice as
many: a quarter of the products is wasted (of stride 2 two fifths), and the rest quicker by
more than that."""


def kernel_gradient(x: Array, cotangent: Array, *, stride: int) -> Array:
    """The gradient of ``convolve`` with respect to its kernel, as a CPU has it quickly.

    Args:
      x: [N, H, W, C].
      cotangent: of the result, [N, h, w, C'].
      stride: 1 or 2.

    Returns:
      [3, 3, C, C'].
    """
    if stride == 1 and x.shape[-1] == 1:
        return _one_channel_gradient(x, cotangent)
    if stride == 1 and cotangent.shape[-1] == 1:
        return adjoint_kernel(_one_channel_gradient(cotangent, x))
    form = functools.partial(_by_convolution, stride=stride)
    chunk = _images_per_chunk(x.shape[0], max(x[0].size, cotangent[0].size))
    chunks = x.shape[0] // chunk
    if chunks <= 1:
        return form(x, cotangent)

    def add(total: Array, start: Array) -> tuple[Array, None]:
        parts = (jax.lax.dynamic_slice_in_dim(a, start, chunk) for a in (x, cotangent))
        return total + form(*parts), None

    zeros = jnp.zeros((KERNEL, KERNEL, x.shape[-1], cotangent.shape[-1]), x.dtype)
    total, _ = jax.lax.scan(add, zeros, chunk * jnp.arange(chunks))
    done = chunk * chunks
    return total if done == x.shape[0] else total + form(x[done:], cotangent[done:])


def _images_per_chunk(images: int, floats_per_image: int) -> int:
    """As many as stay in the cache; down to half as many if that divides the images evenly."""
    most = min(images, max(1, CACHED_FLOATS // floats_per_image))
    return next((size for size in range(most, most // 2, -1) if images % size == 0), most)


def _by_convolution(x: Array, g: Array, *, stride: int) -> Array:
    """The rows [1, H, W * C, N] of x, convolved with g as a kernel [h, w, N, C'] of its own."""
    n, height, width, c = x.shape
    _, h, w, features = g.shape
    together = 2 if features <= NARROW_FEATURES else 1
    groups = -(-w // together)
    g = jnp.pad(g, ((0, 0), (0, 0), (0, groups * together - w), (0, 0)))
    g = g.reshape(n, h, groups, together * features).transpose(1, 2, 0, 3)
    x = x.reshape(n, height * width * c).T.reshape(1, height, width * c, n)
    top, left = (low_padding(side, stride) for side in (height, width))
    bottom = (h - 1) * stride + KERNEL - height - top
    right = (groups * together - 1) * stride + KERNEL - width - left
    gradients = jax.lax.conv_general_dilated(
        x,
        g,
        (1, 1),
        ((top, bottom), (left * c, right * c)),
        rhs_dilation=(stride, together * stride * c),
        dimension_numbers=LAYOUT,
    )
    columns = KERNEL + stride * (together - 1)
    gradients = gradients.reshape(KERNEL, columns, c, together, features)
    each = [gradients[:, stride * k : stride * k + KERNEL, :, k] for k in range(together)]
    return functools.reduce(jnp.add, each)


def _one_channel_gradient(x: Array, g: Array) -> Array:
    """Of images x [N, H, W, 1]: their nine shifted copies, as rows, times g."""
    _, h, w, _ = x.shape
    padded = jnp.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    shifts = [padded[:, i : i + h, j : j + w] for i, j in TAPS]
    rows = jnp.stack(shifts).reshape(KERNEL * KERNEL, -1)
    gradient = jax.lax.dot_general(rows, g.reshape(-1, g.shape[-1]), (((1,), (0,)), ((), ())))
    return gradient.reshape(KERNEL, KERNEL, 1, -1)
