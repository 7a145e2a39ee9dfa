"""DenseNets of images: an encoder and the decoder that mirrors it (thesis 7.2.3).

Huang et al. 2016. Every layer of a block takes the outputs of all layers before it and adds
a few channels; between blocks, a transition halves or doubles the image.
"""

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
from cal_jax.nn.norm import Norm, has_bias, normalisation, weighted


class DenseBlock(nn.Module):
    """Layers of 3x3 convolutions, each of all channels before it, after normalisation and
    nonlinearity."""

    layers: int = 4
    growth: int = 12
    """Channels that each layer adds."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map x [N, H, W, C] to [N, H, W, C + layers * growth]."""
        for _ in range(self.layers):
            y = activate(self.activation, normalisation(self.norm)(x, ctx))
            layer = Conv(
                self.growth,
                (3, 3),
                use_bias=has_bias(self.norm),
                kernel_init=initialiser(self.activation),
            )
            x = jnp.concatenate([x, weighted(layer, self.norm)(y)], axis=-1)
        return x


class Transition(nn.Module):
    """Half of the channels, at another size; after normalisation and nonlinearity."""

    size: Size
    """(H, W) of the output: half of the input's, or twice it."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map x [N, h, w, C] to [N, H, W, C / 2], rounded up."""
        y = activate(self.activation, normalisation(self.norm)(x, ctx))
        layer = resizing(
            (x.shape[-1] + 1) // 2,
            x.shape[1:3],
            self.size,
            has_bias(self.norm),
            initialiser(self.activation),
        )
        z: Array = weighted(layer, self.norm)(y)
        return z


class DenseNetEncoder(nn.Module):
    """A first convolution, then dense blocks, each before a transition that halves the image.

    The transition is a convolution with stride 2, as in the other encoders; Huang et al.
    average each four pixels.
    """

    blocks: int = 3
    layers: int = 4
    """Of each block."""
    growth: int = 12
    """Channels that each layer adds."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map images x [N, H, W] or [N, H, W, C] to features [N, F]."""
        x = with_channels(x)
        _, *sizes = halved_images(x.shape[1:3], self.blocks)
        layer = Conv(
            2 * self.growth,
            (3, 3),
            use_bias=has_bias(self.norm),
            kernel_init=initialiser(self.activation),
        )
        x = weighted(layer, self.norm)(x)
        for size in sizes:
            x = DenseBlock(self.layers, self.growth, self.norm, self.activation)(x, ctx)
            x = Transition(size, self.norm, self.activation)(x, ctx)
        x = activate(self.activation, normalisation(self.norm)(x, ctx))
        return x.reshape(x.shape[0], -1)


class DenseNetDecoder(nn.Module):
    """The encoder's mirror: transitions double the image, each before a dense block."""

    shape: tuple[int, ...]
    """(H, W), or (H, W, *D): D numbers for each pixel."""
    blocks: int = 3
    layers: int = 4
    """Of each block."""
    growth: int = 12
    """Channels that each layer adds."""
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to outputs [N, *shape]."""
        smallest, *sizes = reversed(halved_images(self.shape, self.blocks))
        width = self.layers * self.growth
        x = embedded_image((*smallest, width), self.norm, self.activation, ctx, *inputs)
        for size in sizes:
            x = Transition(size, self.norm, self.activation)(x, ctx)
            x = DenseBlock(self.layers, self.growth, self.norm, self.activation)(x, ctx)
        x = activate(self.activation, normalisation(self.norm)(x, ctx))
        return image_outputs(x, self.shape)
