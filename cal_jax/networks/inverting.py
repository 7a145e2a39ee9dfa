"""Images and their negatives: what an image shows, and a sign that one context decides.

A dense network that flips every pixel of what it draws must learn each drawing twice.
Here the drawing is learned once, and its logits are multiplied by the mean of a sign.

At first the context says nothing of the sign (``networks.acting``): a sign at random and
what it multiplies would extinguish each other before the context says anything, since
their product has a saddle where both are 0.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


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
