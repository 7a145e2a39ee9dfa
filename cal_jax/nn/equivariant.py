"""Images that turn, read alike at every angle, and an angle that no two rotations share.

A dense encoder learns each digit at each rotation anew, and a network from a context to
an angle may give two rotations the same one. Here one network reads an image at evenly
spaced angles (Cohen & Welling 2016, for the group of these turns). What it finds in any
of the views says what is shown. Which view it takes for the upright one says the angle:
circular moments of that guess are what the image tells of the turning context, and when
the image turns by an angle between two views, they turn with it.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.nn.activation import Activation
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import START_SMALL, ResidualMLP
from cal_jax.nn.experts import Experts, speaking_of
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import Norm
from cal_jax.nn.turning import ANGLES, circular_moments, turned_back

VIEWS = 16
"""Angles at which an image is read; they divide ``ANGLES``."""

MOMENTS = 2
"""Of an angle, in a context: the first tells all angles apart, the second can say an axis
whose ends look alike. With eight, style moved into the context."""

ANGLE_DIM = 2 * MOMENTS
"""Dimensions of a context that hold its angle: cosines, and then sines."""


class Viewed(NamedTuple):
    """What an image shows, and at which angle."""

    features: Array
    """[N, 2 W]: the same for an image turned by an angle between two views."""
    angle: Array
    """[N, ANGLE_DIM]: moments of the angle, which turn with the image."""


class ViewEncoder(nn.Module):
    """A residual MLP over every view of an image."""

    width: int
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Viewed:
        """Read images x [N, H, W]."""
        read = ResidualMLP(self.width, self.depth, self.norm, self.skip, self.activation)(
            ctx, views(x)
        )
        upright = nn.softmax(Dense(1, kernel_init=START_SMALL)(read), axis=1)
        features = jnp.concatenate([strongest(read), jnp.sum(upright * read, axis=1)], axis=-1)
        length = self.param("length", nn.initializers.constant(4.0), (1, MOMENTS))
        moments = upright[:, :, 0] @ _moments()[:: ANGLES // VIEWS]
        return Viewed(features, moments * jnp.tile(length, (1, 2)))


class AngleReading(nn.Module):
    """The angle that a context stands for; at first, hardly any."""

    @nn.compact
    def __call__(self, contexts: Array) -> Array:
        """The probabilities of each angle, [N, ANGLES], for contexts [N, C]."""
        weight = self.param("weight", nn.initializers.constant(0.05), (1, MOMENTS))
        return nn.softmax((contexts[:, :ANGLE_DIM] * jnp.tile(weight, (1, 2))) @ _moments().T)


def angle_experts(experts: Experts, context: int, angle: Array) -> Experts:
    """The experts, but that those on one context speak of an angle alone.

    Their precision is the same in all directions, so that a turn changes nothing else.

    Args:
      experts: of N items; those on the context give its precision.
      context: which, counted from 0.
      angle: [N, ANGLE_DIM], the mean; of further dimensions nothing is said.
    """
    precision = jnp.mean(experts.precision[:, context], axis=-1, keepdims=True)
    return speaking_of(experts, context, angle, precision)


def views(x: Array) -> Array:
    """The harmonics [N, VIEWS, R + 2 P] of images x [N, H, W], turned back by each angle."""
    angles = np.eye(ANGLES, dtype=np.float32)[:: ANGLES // VIEWS, None]
    return jax.vmap(turned_back, in_axes=(None, 0), out_axes=1)(x, jnp.asarray(angles))


def strongest(read: Array) -> Array:
    """The largest of the views [N, VIEWS, W], unit by unit: [N, W].

    Chosen by its index. The derivative of ``max`` divides by how many views equal the
    largest, and is not a number where a compiler computes them twice, not quite alike.
    """
    chosen = jax.nn.one_hot(jnp.argmax(read, axis=1), VIEWS, axis=1, dtype=read.dtype)
    return jnp.sum(chosen * read, axis=1)


def _moments() -> np.ndarray:
    """The cosines and then the sines of each angle, [ANGLES, ANGLE_DIM]."""
    return circular_moments(np.arange(1, MOMENTS + 1))
