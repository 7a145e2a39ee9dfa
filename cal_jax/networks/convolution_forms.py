"""How 3x3 convolutions are computed: XLA's own forms, and those that XLA:CPU runs well.

Of its own, XLA:CPU runs the forward pass at half of the machine's matrix speed, the
gradient with respect to the kernel on one thread, and that of a transposed convolution
a hundred times slower. Here the latter are matrix products over shifted views, a few
images at a time so that the copies stay in the cache; they run as well inside a loop,
where XLA:CPU's own gradients collapse.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

KERNEL = 3
CACHED_FLOATS = 300_000
"""Floats of the shifted copies of one chunk of images: about 1 MB."""
SUB_PIXEL_FEATURES = 16
"""At most so many features for a transposed convolution to be quicker in sub-pixel form."""

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_TAPS = [(i, j) for i in range(KERNEL) for j in range(KERNEL)]


def small_side(size: int, stride: int) -> int:
    """The side of the image that a convolution of ``stride`` makes of one of side ``size``."""
    return -(-size // stride)


def _low_padding(size: int, stride: int) -> int:
    """Zeros before the first pixel, as "SAME" has them."""
    total = (small_side(size, stride) - 1) * stride + KERNEL - size
    return max(total, 0) // 2


def adjoint_kernel(kernel: Array) -> Array:
    """The kernel [3, 3, C, C'] turned about its centre, channels exchanged: [3, 3, C', C]."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def plain_convolve(x: Array, kernel: Array, *, stride: int) -> Array:
    """XLA's own convolution of x [N, H, W, C] by [3, 3, C, C'], padded to "SAME"."""
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=_LAYOUT
    )


def plain_transposed_convolve(
    x: Array, kernel: Array, *, stride: int, sides: tuple[int, int]
) -> Array:
    """XLA's own: x [N, h, w, C] dilated by ``stride``, then convolved to [N, H, W, C']."""
    padding = []
    for size, side in zip(x.shape[1:3], sides, strict=True):
        low = KERNEL - 1 - _low_padding(side, stride)
        padding.append((low, side + KERNEL - 1 - ((size - 1) * stride + 1) - low))
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), padding, lhs_dilation=(stride, stride), dimension_numbers=_LAYOUT
    )


def plain_kernel_gradient(x: Array, cotangent: Array, *, stride: int) -> Array:
    """XLA's own gradient of ``convolve`` with respect to its kernel."""
    kernel = jnp.zeros((KERNEL, KERNEL, x.shape[-1], cotangent.shape[-1]), x.dtype)
    convolve = functools.partial(plain_convolve, x, stride=stride)
    (gradient,) = jax.linear_transpose(convolve, kernel)(cotangent)
    return gradient


def convolve(x: Array, kernel: Array, *, stride: int) -> Array:
    """What ``plain_convolve`` computes; by multiples of whole images where there is one channel."""
    if stride == 1 and x.shape[-1] == 1:
        return shifted_sum(x, kernel)
    if stride == 1 and kernel.shape[-1] == 1:
        return sum_of_shifted(x, kernel)
    return plain_convolve(x, kernel, stride=stride)


def transposed_convolve(x: Array, kernel: Array, *, stride: int, sides: tuple[int, int]) -> Array:
    """What ``plain_transposed_convolve`` computes, for stride 2; by the quicker of two forms."""
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
    y = jax.lax.conv_general_dilated(x, taps, (1, 1), padding, dimension_numbers=_LAYOUT)
    y = y.reshape(n, h, w, 2, 2, features).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(n, 2 * h, 2 * w, features)
    row, column = (_low_padding(side, 2) for side in sides)
    return y[:, row : row + sides[0], column : column + sides[1]]


def kernel_gradient(x: Array, cotangent: Array, *, stride: int) -> Array:
    """The gradient of ``convolve`` with respect to its kernel, by matrix products.

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
    form = _unit_stride_gradient if stride == 1 else _stride_two_gradient
    chunk = _images_per_chunk(x.shape[0], KERNEL * (x[0].size + cotangent[0].size))
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


def _one_channel_gradient(x: Array, g: Array) -> Array:
    """Of images x [N, H, W, 1]: their nine shifted copies, as rows, times g."""
    _, h, w, _ = x.shape
    padded = jnp.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    shifts = [padded[:, i : i + h, j : j + w] for i, j in _TAPS]
    rows = jnp.stack(shifts).reshape(KERNEL * KERNEL, -1)
    gradient = jax.lax.dot_general(rows, g.reshape(-1, g.shape[-1]), (((1,), (0,)), ((), ())))
    return gradient.reshape(KERNEL, KERNEL, 1, -1)


def _unit_stride_gradient(x: Array, g: Array) -> Array:
    """The nine taps in one product: x is shifted along the rows, g from row to row."""
    _, h, w, c = x.shape
    features = g.shape[-1]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    columns = jnp.concatenate([padded[:, :, j : j + w] for j in range(KERNEL)], -1)
    padded = jnp.pad(g, ((0, 0), (2, 2), (0, 0), (0, 0)))
    rows = jnp.concatenate([padded[:, 2 - i : 4 - i + h] for i in range(KERNEL)], -1)
    taps = _contract(columns, rows).reshape(KERNEL, c, KERNEL, features)
    return taps.transpose(2, 0, 1, 3)


def _stride_two_gradient(x: Array, g: Array) -> Array:
    """Two products: rows of even index meet two rows of g each, the odd ones one."""
    n, h, w, features = g.shape
    c = x.shape[-1]
    sides = x.shape[1:3]
    low = [_low_padding(side, 2) for side in sides]
    high = [2 * (s + 1) - side - lo for s, side, lo in zip((h, w), sides, low, strict=True)]
    padding = ((0, 0), (low[0], high[0]), (low[1], high[1]), (0, 0))
    pairs = jnp.pad(x, padding).reshape(n, h + 1, 2, w + 1, 2, c)
    left, right = pairs[:, :, :, :, 0], pairs[:, :, :, :, 1]
    columns = jnp.concatenate([left[:, :, :, :w], right[:, :, :, :w], left[:, :, :, 1:]], -1)
    below, above = ((0, 0), (0, 1), (0, 0), (0, 0)), ((0, 0), (1, 0), (0, 0), (0, 0))
    rows = jnp.concatenate([jnp.pad(g, below), jnp.pad(g, above)], -1)
    outer = _contract(columns[:, :, 0], rows).reshape(KERNEL, c, 2, features)
    middle = _contract(columns[:, :h, 1], g).reshape(KERNEL, c, features)
    return jnp.stack([outer[:, :, 0], middle, outer[:, :, 1]])


def _contract(a: Array, b: Array) -> Array:
    """The sum over every axis but the last of the outer products of a [..., F] and b [..., G]."""
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    return jax.lax.dot_general(a, b, (((0,), (0,)), ((), ())))


def shifted_sum(x: Array, kernel: Array) -> Array:
    """``convolve`` of images with one channel, x [N, H, W, 1] by [3, 3, 1, C']: nine multiples."""
    _, h, w, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = kernel.reshape(KERNEL, KERNEL, 1, 1, 1, -1)
    multiples = [padded[:, i : i + h, j : j + w] * taps[i, j] for i, j in _TAPS]
    return functools.reduce(jnp.add, multiples)


def sum_of_shifted(x: Array, kernel: Array) -> Array:
    """``convolve`` to one channel, x [N, H, W, C] by [3, 3, C, 1]: a product, then shifts."""
    n, h, w, c = x.shape
    taps = kernel.reshape(KERNEL * KERNEL, c)
    maps = jax.lax.dot_general(taps, x.reshape(-1, c), (((1,), (1,)), ((), ())))
    maps = maps.reshape(KERNEL, KERNEL, n, h, w)
    padded = jnp.pad(maps, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)))
    shifted = [padded[i, j, :, i : i + h, j : j + w] for i, j in _TAPS]
    return functools.reduce(jnp.add, shifted)[..., None]
