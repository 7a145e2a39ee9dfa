"""Images and their negatives: what an image shows, and a sign that one context decides.

A dense network that flips every pixel of what it draws must learn each drawing twice.
Here the drawing is learned once, and its logits are multiplied by the mean of a sign.
What is read from an image up to inversion cannot know the sign, and what the context
is told is the sign alone.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.experts import Experts, speaking_of


class Folded(NamedTuple):
    """Images up to inversion, and the inversion."""

    images: Array
    """[N, *X], each the one of an image and its negative that is mostly 0."""
    signs: Array
    """[N, 1], 1 where that is the image and -1 where it is its negative."""


def folded(x: Array) -> Folded:
    """Fold images x [N, *X] with pixels in [0, 1]."""
    pixels = tuple(range(1, x.ndim))
    negative = x.mean(axis=pixels, keepdims=True) > 0.5
    signs = jnp.where(negative.reshape(-1, 1), -1.0, 1.0)
    return Folded(jnp.where(negative, 1 - x, x), signs)


class SignExperts(nn.Module):
    """The experts with those on one context replaced by a sign, of one learned precision."""

    @nn.compact
    def __call__(self, experts: Experts, context: int, signs: Array) -> Experts:
        """Of N items with these signs [N, 1]: the mean of the first dimension of a context."""
        precision = jnp.exp(self.param("log_precision", nn.initializers.constant(2.0), (1, 1)))
        return speaking_of(experts, context, signs, precision)


class SignReading(nn.Module):
    """The mean of the sign that a context stands for."""

    @nn.compact
    def __call__(self, contexts: Array) -> Array:
        """Map contexts [N, C] to signs [N, 1] between -1 and 1."""
        steepness = jnp.exp(self.param("log_steepness", nn.initializers.ones, (1, 1)))
        return jnp.tanh(steepness * contexts[:, :1])
