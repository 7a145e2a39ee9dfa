"""The convolutional image encoder and the decoder that mirrors it (thesis 6.4.1)."""

import math
from collections.abc import Sequence

import flax.linen as nn
from flax.typing import Initializer
from jax import Array

from cal_jax.errors import InputError
from cal_jax.nn.activation import Activation, activate, initialiser
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import Embedding
from cal_jax.nn.layers import Conv, ConvTranspose
from cal_jax.nn.norm import Norm, has_bias, normalisation, normalised

Size = tuple[int, int]
"""(H, W)"""


class ConvolutionalEncoder(nn.Module):
    """Groups of three 3x3 convolutions, the last of each group with stride 2.

    With the default widths, the nine layers of thesis 6.4.1.
    """

    widths: Sequence[int] = (16, 32, 64)
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map images x [N, H, W] or [N, H, W, C] to features [N, F]."""
        use_bias, kernel_init = has_bias(self.norm), initialiser(self.activation)
        x = with_channels(x)
        for width in self.widths:
            for strides in (1, 1, 2):
                layer = Conv(width, (3, 3), strides, use_bias=use_bias, kernel_init=kernel_init)
                x = activate(self.activation, normalised(layer, x, ctx, self.norm))
        return x.reshape(x.shape[0], -1)


class ConvolutionalDecoder(nn.Module):
    """The encoder's mirror: groups of three transposed convolutions, the first with stride 2.

    A linear embedding of the inputs gives the smallest image; a last convolution gives the
    outputs.
    """

    shape: tuple[int, ...]
    """(H, W), or (H, W, *D): D numbers for each pixel."""
    widths: Sequence[int] = (16, 32, 64)
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to outputs [N, *shape]."""
        use_bias, kernel_init = has_bias(self.norm), initialiser(self.activation)
        widths = tuple(reversed(self.widths))
        smallest, *sizes = reversed(halved_images(self.shape, len(widths)))
        x = embedded_image((*smallest, widths[0]), self.norm, self.activation, ctx, *inputs)
        for width, size in zip(widths, sizes, strict=True):
            for stride in (2, 1, 1):
                layer = ConvTranspose(width, size, stride, use_bias, kernel_init)
                x = activate(self.activation, normalised(layer, x, ctx, self.norm))
        return image_outputs(x, self.shape)


def halved_sizes(size: int, groups: int) -> list[int]:
    """The side of the image before, between and after groups that halve it, rounding up."""
    sizes = [size]
    for _ in range(groups):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def halved_images(shape: Sequence[int], groups: int) -> list[Size]:
    """(H, W) of an image of shape (H, W, ...) before, between and after such groups."""
    height, width = (halved_sizes(side, groups) for side in shape[:2])
    return list(zip(height, width, strict=True))


def resizing(
    features: int, of: Sequence[int], size: Size, use_bias: bool, kernel_init: Initializer
) -> nn.Module:
    """A 3x3 convolution from images of size ``of`` to the same size, half of it or twice it."""
    if tuple(of) == size or all(a >= b for a, b in zip(of, size, strict=True)):
        strides = 1 if tuple(of) == size else 2
        return Conv(features, (3, 3), strides, use_bias=use_bias, kernel_init=kernel_init)
    return ConvTranspose(features, size, 2, use_bias, kernel_init)


def with_channels(x: Array) -> Array:
    """Images [N, H, W] or [N, H, W, C] as [N, H, W, C].

    Raises:
      InputError: neither.
    """
    if x.ndim not in (3, 4):
        raise InputError(f"images have shape {x.shape}; accepted: [N, H, W], [N, H, W, C]")
    return x if x.ndim == 4 else x[..., None]


def embedded_image(
    shape: tuple[int, int, int],
    norm: Norm,
    activation: Activation,
    ctx: ApplyContext,
    *inputs: Array,
) -> Array:
    """A first image [N, *shape] from inputs [N, F_i]; called in a decoder's compact method."""
    x = Embedding(math.prod(shape), norm, activation)(*inputs).reshape(-1, *shape)
    return activate(activation, normalisation(norm)(x, ctx))


def image_outputs(x: Array, shape: tuple[int, ...]) -> Array:
    """Outputs [N, *shape] from x [N, H, W, C]; called in a decoder's compact method."""
    layer = Conv(math.prod(shape[2:]), (3, 3), kernel_init=nn.initializers.glorot_normal())
    return layer(x).reshape(-1, *shape)
