"""Flax layers of 3x3 convolutions, with the parameters of linen's and quick on a CPU too.

They carry the names of ``nn.Conv`` and ``nn.ConvTranspose``, so that the parameters of a
model are named, shaped and initialised alike.
"""

import flax.linen as nn
from flax.linen.dtypes import promote_dtype
from flax.typing import Initializer
from jax import Array

from cal_jax.fast.as_row import as_row
from cal_jax.fast.convolution_forms import KERNEL
from cal_jax.fast.convolution_products import convolve, transposed_convolve
from cal_jax.fast.parameter import parameter


class Conv(nn.Module):
    """A convolution with padding "SAME"."""

    features: int
    stride: int = 1
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.he_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map x [N, H, W, C] to [N, ceil(H / stride), ceil(W / stride), features]."""
        x, kernel = _with_kernel(self, x)
        y = convolve(x, kernel, self.stride)
        return _with_bias(self, y)


class ConvTranspose(nn.Module):
    """A transposed convolution that makes images of a given side."""

    features: int
    side: int
    stride: int = 1
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.he_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map x [N, h, h, C], h = ceil(side / stride), to [N, side, side, features]."""
        x, kernel = _with_kernel(self, x)
        y = transposed_convolve(x, kernel, (self.side, self.side), self.stride)
        return _with_bias(self, y)


def _with_kernel(layer: Conv | ConvTranspose, x: Array) -> list[Array]:
    """The images x [N, H, W, C] and the layer's kernel, of one type."""
    shape = (KERNEL, KERNEL, x.shape[-1], layer.features)
    return promote_dtype(x, parameter(layer, "kernel", layer.kernel_init, shape))


def _with_bias(layer: Conv | ConvTranspose, y: Array) -> Array:
    if not layer.use_bias:
        return y
    bias = parameter(layer, "bias", nn.initializers.zeros, (layer.features,))
    return y + as_row(bias, y)
