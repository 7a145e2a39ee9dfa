"""Flax's linear layers with the CPU products of ``cal_jax.fast``.

Their parameters have the names, shapes and initialisers of Flax's layers.
"""

import functools

import flax.linen as nn
import jax
from flax.linen.dtypes import promote_dtype
from flax.typing import Initializer
from jax import Array

from cal_jax import fast
from cal_jax.fast.convolution_products import conv_general_dilated, transposed_convolve
from cal_jax.fast.row_product import dot_general

Dense = functools.partial(nn.Dense, dot_general=dot_general)
"""``nn.Dense``: a linear map of the last axis."""

Conv = functools.partial(nn.Conv, conv_general_dilated=conv_general_dilated)
"""``nn.Conv``: a convolution of x [N, H, W, C]."""

KERNEL = 3
"""The side of the kernel of ``ConvTranspose``."""


class ConvTranspose(nn.Module):
    """A transposed 3x3 convolution to images of a given size."""

    features: int
    size: tuple[int, int]
    """(H, W) of the images that it makes."""
    stride: int = 1
    """1 or 2."""
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map x [N, h, w, C] to [N, H, W, features]; h = ceil(H / stride), and likewise w."""
        shape = (KERNEL, KERNEL, x.shape[-1], self.features)
        bias = None
        kernel = self.param("kernel", self.kernel_init, shape)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias)
        if fast.enabled():
            y = transposed_convolve(x, kernel, self.size, self.stride)
        else:
            strides = (self.stride, self.stride)
            padding = [
                _padding(small, side, self.stride)
                for small, side in zip(x.shape[1:3], self.size, strict=True)
            ]
            y = jax.lax.conv_transpose(x, kernel, strides, padding)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


def _padding(small: int, side: int, stride: int) -> tuple[int, int]:
    """Zeros around a row of ``small`` dilated pixels: the convolution that this one transposes
    pads a row of ``side`` to "SAME"."""
    total = side + KERNEL - 1 - ((small - 1) * stride + 1)
    return (total + 1) // 2, total // 2
