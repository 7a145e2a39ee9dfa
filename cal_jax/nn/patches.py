"""An image encoder of strided convolutions as products of patches, for a CPU.

XLA:CPU's convolution gradients are slow, and slower still inside a loop. Here a convolution
gathers its patches with plain slices and multiplies them by one matrix, so that the weight
gradient is a matrix product too.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from cal_jax.nn.activation import Activation, activate, initialiser
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv import with_channels
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import Norm, has_bias, normalised


def patches(x: jax.Array, size: int, stride: int) -> jax.Array:
    """The size x size neighbourhood of every stride-th pixel, zero-padded (SAME).

    Args:
        x: [B, H, W, C].
        size: odd side of a neighbourhood.
        stride: pixels between the centres of two neighbours.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), size * size * C].
    """
    height, width = x.shape[1:3]
    half = size // 2
    padded = jnp.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    taps = [
        padded[:, row : row + height : stride, column : column + width : stride]
        for row in range(size)
        for column in range(size)
    ]
    return jnp.concatenate(taps, axis=-1)


class PatchEncoder(nn.Module):
    """Convolutions, the first 5x5 and the others 3x3 of stride 2, then a dense layer."""

    widths: Sequence[int] = (32, 64, 128)
    """Channels of each convolution."""
    units: int = 256
    """Of the dense layer."""
    norm: Norm = "batch"
    activation: Activation = "relu"
    first_stride: int = 2
    """Of the first convolution."""

    @nn.compact
    def __call__(self, x: jax.Array, ctx: ApplyContext) -> jax.Array:
        """Map images x [N, H, W] or [N, H, W, C] to features [N, units]."""
        use_bias, kernel_init = has_bias(self.norm), initialiser(self.activation)
        x = with_channels(x)
        for index, width in enumerate((*self.widths, self.units)):
            last = index == len(self.widths)
            x = (
                x.reshape(x.shape[0], -1)
                if last
                else patches(x, 3 if index else 5, 2 if index else self.first_stride)
            )
            layer = Dense(width, use_bias=use_bias, kernel_init=kernel_init)
            x = activate(self.activation, normalised(layer, x, ctx, self.norm))
        return x
