"""Networks of mixture and flow priors, for clustered aggregate posteriors.

Each of K contexts (or z) has its own prior, conditional on features (of the constant contexts,
of the constant mask, or of an item's contexts) or unconditional. Shapes: ``lead`` is (K,), or
() for z; ``B`` is () or the items (N,) of the features.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.dense import START_SMALL, GaussianHead
from cal_jax.nn.layers import Dense


class MixtureParameters(NamedTuple):
    """Mixtures of M diagonal Gaussians: see ``distributions.gaussian_mixture``."""

    logits: Array
    """[*B, *lead, M]"""
    mean: Array
    """[*B, *lead, M, C]"""
    log_variance: Array
    """[*B, *lead, M, C]"""


class FlowParameters(NamedTuple):
    """Flows of L coupling layers: see ``distributions.coupling_flow``."""

    inner: Array
    """[L, *B, *lead, C, H]"""
    bias: Array
    """[L, *B, *lead, H]"""
    outer: Array
    """[L, *B, *lead, H, 2 C]"""


class MixturePrior(nn.Module):
    """A mixture of Gaussians for each context.

    Initial component means are samples of N(0, I / 2), with variances 1/2, so that the
    mixture has the moments of N(0, I). Features change the components' weights, and
    shift and scale all components of a context together.
    """

    shape: tuple[int, ...]
    """(*lead, C)"""
    components: int = 20

    @nn.compact
    def __call__(self, features: Array | None = None) -> MixtureParameters:
        """The parameters, for features [*B, F] or for none."""
        *lead, dim = self.shape
        shape = (*lead, self.components, dim)
        logits = self.param("logits", nn.initializers.zeros, shape[:-1])
        mean = self.param("mean", nn.initializers.normal(math.sqrt(0.5)), shape)
        log_variance = self.param("log_variance", nn.initializers.constant(-math.log(2.0)), shape)
        if features is not None:
            batch = features.shape[:-1]
            weights = Dense(logits.size, kernel_init=START_SMALL, name="weights")(features)
            logits, mean, log_variance = (
                jnp.broadcast_to(array, (*batch, *array.shape))
                for array in (logits, mean, log_variance)
            )
            logits = logits + weights.reshape(logits.shape)
            shift, stretch = GaussianHead(self.shape, name="shift")(features)
            mean, log_variance = mean + shift[..., None, :], log_variance + stretch[..., None, :]
        return MixtureParameters(logits, mean, log_variance)


class CouplingLayers(nn.Module):
    """A flow of affine coupling layers for each context; the identity before training.

    Features are added to the hidden units of every layer.
    """

    shape: tuple[int, ...]
    """(*lead, C)"""
    layers: int = 4
    width: int = 128
    """H"""

    @nn.compact
    def __call__(self, features: Array | None = None) -> FlowParameters:
        """The parameters, for features [*B, F] or for none."""
        *lead, dim = self.shape
        shape = (self.layers, *lead)
        he = nn.initializers.he_normal(batch_axis=tuple(range(len(shape))))
        inner = self.param("inner", he, (*shape, dim, self.width))
        bias = self.param("bias", nn.initializers.zeros, (*shape, self.width))
        outer = self.param("outer", nn.initializers.zeros, (*shape, self.width, 2 * dim))
        if features is None:
            return FlowParameters(inner, bias, outer)
        batch = features.shape[:-1]
        given = Dense(bias.size, name="features")(features).reshape(*batch, *bias.shape)
        given = jnp.moveaxis(given, len(batch), 0)
        inner, bias, outer = (_with_batch(array, batch) for array in (inner, bias, outer))
        return FlowParameters(inner, bias + given, outer)


def _with_batch(array: Array, batch: tuple[int, ...]) -> Array:
    """An array [L, ...] as [L, *batch, ...]."""
    shape = (array.shape[0], *batch, *array.shape[1:])
    return jnp.broadcast_to(array.reshape(shape[0], *(1,) * len(batch), *array.shape[1:]), shape)
