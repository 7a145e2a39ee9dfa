"""Fully connected subnetworks, plain or with a skip connection, and their Gaussian heads."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.activation import Activation, activate, initialiser
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import Norm, has_bias, normalisation, normalised, weighted

START_SMALL = nn.initializers.variance_scaling(0.01, "fan_avg", "truncated_normal")


class GaussianParameters(NamedTuple):
    """A diagonal Gaussian's mean and log variance, of one shape."""

    mean: Array
    log_variance: Array


class Embedding(nn.Module):
    """Inputs of several kinds, each embedded linearly and summed.

    An input with fewer leading axes than the others (a set's, beside items')
    is embedded once and broadcast.
    """

    width: int
    norm: Norm = "none"
    """Normalisation of the sum; "weight" normalises each layer here."""
    activation: Activation = "relu"
    """Of the sum."""

    @nn.compact
    def __call__(self, *inputs: Array) -> Array:
        """Embed inputs [..., F_i] into [..., width], the most leading axes of any input."""
        ndim = max(x.ndim for x in inputs)
        total: Array | None = None
        for index, x in enumerate(inputs):
            layer = Dense(
                self.width,
                use_bias=has_bias(self.norm) and index == 0,
                kernel_init=initialiser(self.activation),
                name=f"input_{index}",
            )
            embedded = weighted(layer, self.norm)(x)
            embedded = embedded.reshape((1,) * (ndim - x.ndim) + embedded.shape)
            total = embedded if total is None else total + embedded
        assert total is not None
        return total


class ResidualMLP(nn.Module):
    """``depth`` hidden layers; with ``skip``, the first is added to the last.

    "We use skip connections between the first and last hidden layers in all
    fully connected subnetworks" (thesis 6.4.1): the first hidden activation
    joins before the last nonlinearity.
    """

    hidden: Hidden

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [..., F_i] to [..., width]."""
        h = self.hidden
        x = Embedding(h.width, h.norm, h.activation, name="embedding")(*inputs)
        first = x = activate(h.activation, normalisation(h.norm)(x, ctx))
        kernel_init = initialiser(h.activation)
        for index in range(1, h.depth):
            layer = Dense(h.width, use_bias=has_bias(h.norm), kernel_init=kernel_init)
            x = normalised(layer, x, ctx, h.norm)
            if h.skip and index == h.depth - 1:
                x = x + first
            x = activate(h.activation, x)
        return x


class MLP(nn.Module):
    """Hidden layers of given widths, each normalised and activated (thesis 4.4.1)."""

    widths: tuple[int, ...]
    norm: Norm = "batch"
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map x [..., F] to [..., widths[-1]]."""
        kernel_init = initialiser(self.activation)
        for width in self.widths:
            layer = Dense(width, use_bias=has_bias(self.norm), kernel_init=kernel_init)
            x = activate(self.activation, normalised(layer, x, ctx, self.norm))
        return x


class GaussianHead(nn.Module):
    """A linear layer to the mean and log variance of Gaussians of a given shape.

    Small initial weights keep untrained Gaussians close to N(0, I), and no
    log variance overflows before running averages have settled.
    """

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array) -> GaussianParameters:
        """Map x [..., F] to two arrays [..., *shape]."""
        outputs = Dense(2 * math.prod(self.shape), kernel_init=START_SMALL)(x)
        mean, log_variance = jnp.split(outputs, 2, axis=-1)
        shape = (*x.shape[:-1], *self.shape)
        return GaussianParameters(mean.reshape(shape), log_variance.reshape(shape))


class TriangularParameters(NamedTuple):
    """A Gaussian's mean, and the lower triangular L of its covariance L L^T."""

    mean: Array
    """[..., C]"""
    scale: Array
    """[..., C, C]"""


class TriangularGaussianHead(nn.Module):
    """A linear layer to Gaussians with full covariances; initial weights are small."""

    shape: tuple[int, ...]
    """[..., C]: the last axis is that of each Gaussian."""

    @nn.compact
    def __call__(self, x: Array) -> TriangularParameters:
        """Map x [..., F] to means [..., *shape] and triangles [..., *shape, C]."""
        dim = self.shape[-1]
        mean, log_variance = GaussianHead(self.shape, name="diagonal")(x)
        rows, columns = jnp.tril_indices(dim, -1)
        count = math.prod(self.shape[:-1]) * len(rows)
        below = Dense(count, kernel_init=START_SMALL, name="below")(x)
        scale = jnp.zeros((*mean.shape, dim))
        scale = scale.at[..., rows, columns].set(below.reshape(*mean.shape[:-1], len(rows)))
        diagonal = jnp.arange(dim)
        scale = scale.at[..., diagonal, diagonal].set(jnp.exp(0.5 * log_variance))
        return TriangularParameters(mean, scale)


class LearnedGaussian(nn.Module):
    """Unconditional Gaussians of a given shape; N(0, I) before training."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self) -> GaussianParameters:
        """The two arrays, [*shape] each."""
        mean = self.param("mean", nn.initializers.zeros, self.shape)
        log_variance = self.param("log_variance", nn.initializers.zeros, self.shape)
        return GaussianParameters(mean, log_variance)
