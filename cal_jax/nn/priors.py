"""Priors of contexts beyond one Gaussian: where the aggregate posterior is clusters.

Each of K contexts has a prior of its own. With features (of the constant contexts,
or of the label) it depends on them; without, it is learned as it is.
"""

import math
from typing import NamedTuple

import flax.linen as nn
from jax import Array

from cal_jax.nn.dense import START_SMALL, GaussianHead
from cal_jax.nn.layers import Dense


class MixtureParameters(NamedTuple):
    """Mixtures of M diagonal Gaussians: see ``distributions.gaussian_mixture``."""

    logits: Array
    """[K, M]"""
    mean: Array
    """[K, M, C]"""
    log_variance: Array
    """[K, M, C]"""


class FlowParameters(NamedTuple):
    """Flows of L coupling layers: see ``distributions.coupling_flow``."""

    inner: Array
    """[L, K, C, H]"""
    bias: Array
    """[L, K, H]"""
    outer: Array
    """[L, K, H, 2 C]"""


class MixturePrior(nn.Module):
    """A mixture of Gaussians for each context.

    The components start apart, at draws of N(0, I / 2), each with variance 1/2:
    together they have the moments of N(0, I). Features change the components'
    weights, and shift and stretch all components of a context alike.
    """

    contexts: tuple[int, int]
    """(K, C)"""
    components: int = 20

    @nn.compact
    def __call__(self, features: Array | None = None) -> MixtureParameters:
        """The parameters, for features [F] or for none."""
        num_contexts, dim = self.contexts
        shape = (num_contexts, self.components, dim)
        logits = self.param("logits", nn.initializers.zeros, shape[:2])
        mean = self.param("mean", nn.initializers.normal(math.sqrt(0.5)), shape)
        log_variance = self.param("log_variance", nn.initializers.constant(-math.log(2.0)), shape)
        if features is not None:
            weights = Dense(logits.size, kernel_init=START_SMALL, name="weights")(features)
            logits = logits + weights.reshape(logits.shape)
            shift, stretch = GaussianHead(self.contexts, name="shift")(features)
            mean, log_variance = mean + shift[:, None], log_variance + stretch[:, None]
        return MixtureParameters(logits, mean, log_variance)


class FlowPrior(nn.Module):
    """A flow of affine coupling layers for each context; N(0, I) before training.

    Features enter at the hidden units of every layer.
    """

    contexts: tuple[int, int]
    """(K, C)"""
    layers: int = 4
    width: int = 128
    """H"""

    @nn.compact
    def __call__(self, features: Array | None = None) -> FlowParameters:
        """The parameters, for features [F] or for none."""
        num_contexts, dim = self.contexts
        lead = (self.layers, num_contexts)
        he = nn.initializers.he_normal(batch_axis=(0, 1))
        inner = self.param("inner", he, (*lead, dim, self.width))
        bias = self.param("bias", nn.initializers.zeros, (*lead, self.width))
        outer = self.param("outer", nn.initializers.zeros, (*lead, self.width, 2 * dim))
        if features is not None:
            bias = bias + Dense(bias.size, name="features")(features).reshape(bias.shape)
        return FlowParameters(inner, bias, outer)
