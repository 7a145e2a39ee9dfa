"""3x3 convolutions in XLA's own forms, and in forms that XLA:CPU runs faster.

XLA:CPU's own are fast for many channels; with one channel, and with a stride
in a transposed convolution, others are faster. The gradient with respect to the kernel
is ``kernel_gradient``'s.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

KERNEL = 3
SUB_PIXEL_FEATURES = 16
"""Largest number of features for which the sub-pixel form is faster."""

LAYOUT = ("NHWC", "HWIO", "NHWC")
TAPS = [(i, j) for i in range(KERNEL) for j in range(KERNEL)]


def small_side(size: int, stride: int) -> int:
    """The side of the image that a convolution of ``stride`` makes of one of side ``size``."""
    return -(-size // stride)


def low_padding(size: int, stride: int) -> int:
    """Zeros before the first pixel, as "SAME" has them."""
    total = (small_side(size, stride) - 1) * stride + KERNEL - size
    return max(total, 0) // 2


def adjoint_kernel(kernel: Array) -> Array:
    """The kernel [3, 3, C, C'] rotated by 180 degrees, channels exchanged: [3, 3, C', C]."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def plain_convolve(x: Array, kernel: Array, *, stride: int) -> Array:
    """XLA's own convolution of x [N, H, W, C] by [3, 3, C, C'], padded to "SAME"."""
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=LAYOUT
    )


def plain_transposed_convolve(
    x: Array, kernel: Array, *, stride: int, sides: tuple[int, int]
) -> Array:
    """XLA's own: x [N, h, w, C] dilated by ``stride``, then convolved to [N, H, W, C']."""
    padding = []
    for size, side in zip(x.shape[1:3], sides, strict=True):
        low = KERNEL - 1 - low_padding(side, stride)
        padding.append((low, side + KERNEL - 1 - ((size - 1) * stride + 1) - low))
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), padding, lhs_dilation=(stride, stride), dimension_numbers=LAYOUT
    )


def convolve(x: Array, kernel: Array, *, stride: int) -> Array:
    """``plain_convolve``, by multiples of whole images if there is one channel."""
    if stride == 1 and x.shape[-1] == 1:
        return shifted_sum(x, kernel)
    if stride == 1 and kernel.shape[-1] == 1:
        return sum_of_shifted(x, kernel)
    return plain_convolve(x, kernel, stride=stride)


def transposed_convolve(x: Array, kernel: Array, *, stride: int, sides: tuple[int, int]) -> Array:
    """``plain_transposed_convolve`` for stride 2, by the faster of two forms."""
    if kernel.shape[-1] <= SUB_PIXEL_FEATURES:
        return sub_pixel_transposed_convolve(x, kernel, sides=sides)
    return plain_transposed_convolve(x, kernel, stride=stride, sides=sides)


def sub_pixel_transposed_convolve(x: Array, kernel: Array, *, sides: tuple[int, int]) -> Array:
    """A transposed convolution of stride 2 as four small ones that interleave (Shi et al. 2016).

    Args:
      x: [N, h, w, C].
      kernel: [3, 3, C, C'].
      sides: (H, W), each 2h or 2h - 1.

    Returns:
      [N, H, W, C'].
    """
    n, h, w, c = x.shape
    features = kernel.shape[-1]
    taps = jnp.pad(kernel[::-1, ::-1], ((0, 1), (0, 1), (0, 0), (0, 0)))
    taps = taps.reshape(2, 2, 2, 2, c, features)[::-1, :, ::-1]
    taps = taps.transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, c, 4 * features)
    padding = ((1, 0), (1, 0))
    y = jax.lax.conv_general_dilated(x, taps, (1, 1), padding, dimension_numbers=LAYOUT)
    y = y.reshape(n, h, w, 2, 2, features).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(n, 2 * h, 2 * w, features)
    row, column = (low_padding(side, 2) for side in sides)
    return y[:, row : row + sides[0], column : column + sides[1]]


def shifted_sum(x: Array, kernel: Array) -> Array:
    """``convolve`` of images with one channel, x [N, H, W, 1] by [3, 3, 1, C']: nine multiples."""
    _, h, w, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = kernel.reshape(KERNEL, KERNEL, 1, 1, 1, -1)
    multiples = [padded[:, i : i + h, j : j + w] * taps[i, j] for i, j in TAPS]
    return functools.reduce(jnp.add, multiples)


def sum_of_shifted(x: Array, kernel: Array) -> Array:
    """``convolve`` to one channel, x [N, H, W, C] by [3, 3, C, 1]: a product, then shifts."""
    n, h, w, c = x.shape
    taps = kernel.reshape(KERNEL * KERNEL, c)
    maps = jax.lax.dot_general(taps, x.reshape(-1, c), (((1,), (1,)), ((), ())))
    maps = maps.reshape(KERNEL, KERNEL, n, h, w)
    padded = jnp.pad(maps, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)))
    shifted = [padded[i, j, :, i : i + h, j : j + w] for i, j in TAPS]
    return functools.reduce(jnp.add, shifted)[..., None]
