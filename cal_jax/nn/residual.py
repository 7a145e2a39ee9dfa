"""Residual networks of images: an encoder and the decoder that mirrors it (thesis 3.3.4.2, 7.2.3).

He et al. 2016. A block adds its input to the output of its convolutions, before the last
nonlinearity.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.activation import Activation, activate, initialiser
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv import (
    Size,
    embedded_image,
    halved_images,
    image_outputs,
    resizing,
    with_channels,
)
from cal_jax.nn.layers import Conv
from cal_jax.nn.norm import Norm, has_bias, normalised


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection.

    An input of another size is subsampled or repeated; one of another width passes a 1x1
    convolution.
    """

    features: int
    size: Size
    """(H, W) of the output: the input's, half of it or twice it."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map x [N, h, w, C] to [N, H, W, features]."""
        use_bias, kernel_init = has_bias(self.norm), initialiser(self.activation)
        first = resizing(self.features, x.shape[1:3], self.size, use_bias, kernel_init)
        y = activate(self.activation, normalised(first, x, ctx, self.norm))
        second = Conv(self.features, (3, 3), use_bias=use_bias, kernel_init=kernel_init)
        y = normalised(second, y, ctx, self.norm)
        x = nearest(x, self.size)
        if x.shape[-1] != self.features:
            project = Conv(self.features, (1, 1), use_bias=use_bias, kernel_init=kernel_init)
            x = normalised(project, x, ctx, self.norm)
        return activate(self.activation, x + y)


class ResidualEncoder(nn.Module):
    """Groups of residual blocks; the first block of each halves the image."""

    widths: Sequence[int] = (16, 32, 64)
    blocks: int = 2
    """Of each group."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map images x [N, H, W] or [N, H, W, C] to features [N, F]."""
        x = with_channels(x)
        _, *sizes = halved_images(x.shape[1:3], len(self.widths))
        for width, size in zip(self.widths, sizes, strict=True):
            for _ in range(self.blocks):
                x = ResidualBlock(width, size, self.norm, self.activation)(x, ctx)
        return x.reshape(x.shape[0], -1)


class ResidualDecoder(nn.Module):
    """The encoder's mirror: the first block of each group doubles the image."""

    shape: tuple[int, ...]
    """(H, W), or (H, W, *D): D numbers for each pixel."""
    widths: Sequence[int] = (16, 32, 64)
    blocks: int = 2
    """Of each group."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to outputs [N, *shape]."""
        widths = tuple(reversed(self.widths))
        smallest, *sizes = reversed(halved_images(self.shape, len(widths)))
        x = embedded_image((*smallest, widths[0]), self.norm, self.activation, ctx, *inputs)
        for width, size in zip(widths, sizes, strict=True):
            for _ in range(self.blocks):
                x = ResidualBlock(width, size, self.norm, self.activation)(x, ctx)
        return image_outputs(x, self.shape)


def nearest(x: Array, size: Size) -> Array:
    """Images x [N, h, w, C] resized to (H, W): unchanged, every second pixel, or doubled pixels."""
    if x.shape[1:3] == size:
        return x
    if x.shape[1] >= size[0] and x.shape[2] >= size[1]:
        return x[:, ::2, ::2]
    twice = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
    return twice[:, : size[0], : size[1]]
