"""Images up to inversion, and a sign that one context determines.

A dense decoder learns an image and its negative separately. Here the decoder learns the image
once, and its logits are multiplied by the mean of a sign. Features of an image up to inversion
are independent of the sign, and the context's evidence is the sign alone.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.experts import Experts, replace_context


class Folded(NamedTuple):
    """Images up to inversion, and their signs."""

    images: Array
    """[N, *X]: of each image and its negative, the one that is mostly 0."""
    signs: Array
    """[N, 1], 1 where that is the image and -1 where it is its negative."""


def folded(x: Array) -> Folded:
    """Fold images x [N, *X] with pixels in [0, 1]."""
    pixels = tuple(range(1, x.ndim))
    negative = x.mean(axis=pixels, keepdims=True) > 0.5
    signs = jnp.where(negative.reshape(-1, 1), -1.0, 1.0)
    return Folded(jnp.where(negative, 1 - x, x), signs)


class SignExperts(nn.Module):
    """Replace the experts on one context by its sign, with one learned precision."""

    @nn.compact
    def __call__(self, experts: Experts, context: int, signs: Array) -> Experts:
        """The experts of N items, given signs [N, 1] as means of the context's first dimension."""
        precision = jnp.exp(self.param("log_precision", nn.initializers.constant(2.0), (1, 1)))
        return replace_context(experts, context, signs, precision)


class SignReading(nn.Module):
    """The mean sign of a context."""

    @nn.compact
    def __call__(self, contexts: Array) -> Array:
        """Map contexts [N, C] to signs [N, 1] between -1 and 1."""
        steepness = jnp.exp(self.param("log_steepness", nn.initializers.ones, (1, 1)))
        return jnp.tanh(steepness * contexts[:, :1])
