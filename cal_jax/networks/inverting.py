"""Images and their negatives: what an image shows, and a sign that one context decides.

A dense network that flips every pixel of what it draws must learn each drawing twice.
Here the drawing is learned once, and its logits are multiplied by the mean of a sign.

At first the context says nothing of the sign: a sign at random and what it multiplies
would extinguish each other before the context says anything, since their product has a
saddle where both are 0.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.networks.dense import START_SMALL, Linear, ResidualMLP
from cal_jax.networks.normalisation import Norm
from cal_jax.networks.passes import Pass


class Folded(NamedTuple):
    """Images up to inversion, and the inversion."""

    images: Array
    """[N, H, W], each the one of an image and its negative that is mostly 0."""
    signs: Array
    """[N, 1], 1 where that is the image and -1 where it is its negative."""


def folded(x: Array) -> Folded:
    """Fold images x [N, H, W] with pixels in [0, 1]."""
    negative = x.mean(axis=(1, 2), keepdims=True) > 0.5
    signs = jnp.where(negative[:, :, 0], -1.0, 1.0)
    return Folded(jnp.where(negative, 1 - x, x), signs)


class SignNetwork(nn.Module):
    """The mean of the sign that a context stands for; at first, hardly any."""

    width: int
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True

    @nn.compact
    def __call__(self, run: Pass, context: Array) -> Array:
        """Map contexts [N, C] to signs [N, 1] between -1 and 1."""
        x = ResidualMLP(self.width, self.depth, self.norm, self.skip)(run, context)
        return jnp.tanh(Linear(1, kernel_init=START_SMALL)(x))
