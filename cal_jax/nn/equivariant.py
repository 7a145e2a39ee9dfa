"""Rotation-invariant features of an image, and an equivariant estimate of its angle.

A dense encoder learns each digit at each rotation separately, and a network from a context to
an angle may map two rotations to one. Here one network is applied to views of the image at
evenly spaced angles (Cohen & Welling 2016, for this rotation group). The maximum over views
gives invariant features. A softmax over views gives the angle, whose circular moments are the
evidence about the rotating context; they rotate with the image.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import START_SMALL, ResidualMLP
from cal_jax.nn.experts import Experts, replace_context
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense
from cal_jax.nn.rotation import ANGLES, circular_moments, rotated_back

VIEWS = 16
"""Number of views of an image; it divides ``ANGLES``."""

MOMENTS = 2
"""Circular moments of an angle in a context: the first distinguishes all angles, the second
represents an axis with two-fold symmetry. With eight, the context also encodes style."""

ANGLE_DIM = 2 * MOMENTS
"""Dimensions of a context that hold its angle: cosines, and then sines."""


class Viewed(NamedTuple):
    """An image's invariant features and its angle."""

    features: Array
    """[N, 2 W]: invariant to rotation by the angle between two views."""
    angle: Array
    """[N, ANGLE_DIM]: moments of the angle, equivariant to rotation."""


class ViewEncoder(nn.Module):
    """A residual MLP applied to every view of an image."""

    hidden: Hidden

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Viewed:
        """Encode images x [N, H, W]."""
        read = ResidualMLP(self.hidden)(ctx, views(x))
        upright = nn.softmax(Dense(1, kernel_init=START_SMALL)(read), axis=1)
        features = jnp.concatenate([strongest(read), jnp.sum(upright * read, axis=1)], axis=-1)
        length = self.param("length", nn.initializers.constant(4.0), (1, MOMENTS))
        moments = upright[:, :, 0] @ _moments()[:: ANGLES // VIEWS]
        return Viewed(features, moments * jnp.tile(length, (1, 2)))


class AngleReading(nn.Module):
    """The angle of a context; nearly uniform before training."""

    @nn.compact
    def __call__(self, contexts: Array) -> Array:
        """The probabilities of each angle, [N, ANGLES], for contexts [N, C]."""
        weight = self.param("weight", nn.initializers.constant(0.05), (1, MOMENTS))
        return nn.softmax((contexts[:, :ANGLE_DIM] * jnp.tile(weight, (1, 2))) @ _moments().T)


def angle_experts(experts: Experts, context: int, angle: Array) -> Experts:
    """Replace the experts on one context by experts on its angle.

    Their precision is isotropic, so a rotation changes the mean alone.

    Args:
      experts: of N items; those on the context give its precision.
      context: its index.
      angle: [N, ANGLE_DIM], the mean; further dimensions get precision 0.
    """
    precision = jnp.mean(experts.precision[:, context], axis=-1, keepdims=True)
    return replace_context(experts, context, angle, precision)


def views(x: Array) -> Array:
    """The harmonics [N, VIEWS, R + 2 P] of images x [N, H, W], rotated back by each angle."""
    angles = np.eye(ANGLES, dtype=np.float32)[:: ANGLES // VIEWS, None]
    return jax.vmap(rotated_back, in_axes=(None, 0), out_axes=1)(x, jnp.asarray(angles))


def strongest(read: Array) -> Array:
    """The elementwise maximum of the views [N, VIEWS, W]: [N, W].

    Selected by index: the derivative of ``max`` divides by the number of views equal to the
    maximum, and is NaN where a compiler recomputes them with other rounding.
    """
    chosen = jax.nn.one_hot(jnp.argmax(read, axis=1), VIEWS, axis=1, dtype=read.dtype)
    return jnp.sum(chosen * read, axis=1)


def _moments() -> np.ndarray:
    """The cosines and then the sines of each angle, [ANGLES, ANGLE_DIM]."""
    return circular_moments(np.arange(1, MOMENTS + 1))
