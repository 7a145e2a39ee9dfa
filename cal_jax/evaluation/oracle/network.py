"""The network of the oracle: a small CNN whose convolutions are matrix products.

XLA:CPU's convolution gradients are slow, and slower still inside a loop. Here a
convolution gathers its patches with plain slices and multiplies them by one
matrix, so that the weight gradient is a matrix product too. LayerNorm over
channels: no batch statistics, so a prediction does not depend on its batch-mates.

An image is first inverted to one polarity (a dark border), which is an input of the
heads, so that digits on black and on white share features.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from cal_jax.nn.patches import patches


def polarity_of(x: jax.Array) -> jax.Array:
    """+1 where most border pixels of [B, H, W] are 0 and -1 where most are 1: [B]."""
    inner = x[:, 1:-1, 1:-1]
    border = x.sum(axis=(1, 2)) - inner.sum(axis=(1, 2))
    count = x.shape[1] * x.shape[2] - inner.shape[1] * inner.shape[2]
    return jnp.where(2.0 * border > count, -1.0, 1.0)


class OracleNetwork(nn.Module):
    """Logits of every factor from a binary image.

    Attributes:
        sizes: number of values of each factor, length F.
        widths: channels of the convolutions, then the units of the dense layer.
            The first is 5 x 5 (stride 2 for images of 20 pixels or more), the
            others 3 x 3 with stride 2.
        dropout: share of the dense layer's units dropped in training.
    """

    sizes: Sequence[int]
    widths: Sequence[int]
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> tuple[jax.Array, ...]:
        """Images [B, H, W] in {0, 1} to F arrays of logits [B, sizes[f]]."""
        *channels, units = self.widths
        polarity = polarity_of(x)
        h = polarity[:, None, None, None] * (2.0 * x[..., None] - 1.0)
        for layer, width in enumerate(channels):
            size, stride = (5, 2 if x.shape[1] >= 20 else 1) if layer == 0 else (3, 2)
            h = nn.relu(nn.LayerNorm()(nn.Dense(width)(patches(h, size, stride))))
        h = nn.relu(nn.LayerNorm()(nn.Dense(units)(h.reshape(h.shape[0], -1))))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        # Scaled to the weight of all units together, for fast learning.
        h = jnp.concatenate([h, math.sqrt(units) * polarity[:, None]], axis=-1)
        return tuple(nn.Dense(size)(h) for size in self.sizes)
