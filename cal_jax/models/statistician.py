"""The neural statistician of feature vectors as a Flax module (thesis 5.1, 5.3.1).

Items of any shape are flattened to vectors; for images, see ``group_vae``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least
from cal_jax.distributions import Distribution, diagonal_gaussian, standard_gaussian
from cal_jax.models.components.items import require_items
from cal_jax.models.components.likelihoods import AnyLikelihood, Normal
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import START_SMALL, Dense, GaussianHead
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.statistic import StatisticNetwork


@dataclass(frozen=True)
class NeuralStatisticianConfig:
    """A neural statistician; the defaults are thesis 5.3.1's."""

    context_dim: int = 3
    """C."""
    latent_dim: int = 32
    """Z, of each stochastic layer."""
    layers: int = 2
    """L, stochastic layers."""
    full: bool = True
    """The full model (5.9): items depend on the context and every layer directly. False:
    the basic one (5.3), whose likelihood depends on the last layer alone."""
    likelihood: AnyLikelihood = field(default_factory=Normal)
    hidden: Hidden = field(default_factory=Hidden)
    """Every network; the statistic's has as many layers before and after pooling."""

    def __post_init__(self) -> None:
        require_at_least(self, context_dim=1, latent_dim=1, layers=1)


class StatisticianInference(NamedTuple):
    """q(c, z | D): see ``objectives.protocols.NeuralStatisticianInference``."""

    encode: Callable[[Array], Array]
    context: Callable[[Array, Array | None], Distribution]
    latent: Callable[[int, Array, Array | None, Array], Distribution]


class StatisticianGenerative(NamedTuple):
    """p(D, z, c): see ``objectives.protocols.NeuralStatisticianGenerative``."""

    context_prior: Callable[[], Distribution]
    latent_prior: Callable[[int, Array | None, Array], Distribution]
    likelihood: Callable[[tuple[Array, ...], Array], Distribution]
    layers: int | None = None
    """L, the default of an objective, which refuses another number."""


class NeuralStatistician(nn.Module):
    """A statistic network, a posterior and a prior network for each layer, a decoder.

    ``inference(ctx)`` and ``generative(ctx)`` bind the networks to one pass
    over one data set (its item mask, and where batch statistics come from)
    and return the callables of ``objectives.protocols``.
    """

    config: NeuralStatisticianConfig
    event_shape: tuple[int, ...]
    """X, the shape of an item."""

    def setup(self) -> None:
        """Build the networks."""
        c, h = self.config, self.config.hidden
        sizes = Sizes(1, c.context_dim, c.latent_dim, tuple(self.event_shape), h)
        latent = (c.latent_dim,)
        self.statistic = StatisticNetwork(h)
        self.context_head = GaussianHead((c.context_dim,))
        self.posterior_trunks = [sizes.mlp() for _ in range(c.layers)]
        self.posterior_heads = [GaussianHead(latent) for _ in range(c.layers)]
        self.prior_trunks = [sizes.mlp() for _ in range(c.layers)]
        self.prior_heads = [GaussianHead(latent) for _ in range(c.layers)]
        self.decoder = sizes.mlp()
        self.parameter_shape = c.likelihood.parameter_shape(sizes.event_shape)
        self.item_head = Dense(math.prod(self.parameter_shape), kernel_init=START_SMALL)

    def inference(self, ctx: ApplyContext = EVALUATION) -> StatisticianInference:
        """The approximate posterior, bound to one pass over one data set."""

        def encode(x: Array) -> Array:
            require_items(x, self.event_shape)
            return self.config.likelihood.network_input(x).reshape(x.shape[0], -1)

        def context(h: Array, mask: Array | None) -> Distribution:
            statistic = self.statistic(h, ctx._replace(mask=mask))
            return diagonal_gaussian(*self.context_head(statistic))

        def latent(layer: int, h: Array, z_above: Array | None, c: Array) -> Distribution:
            above = () if z_above is None else (z_above,)
            trunk = self.posterior_trunks[layer](ctx, h, *above, c)
            return diagonal_gaussian(*self.posterior_heads[layer](trunk))

        return StatisticianInference(encode, context, latent)

    def generative(self, ctx: ApplyContext = EVALUATION) -> StatisticianGenerative:
        """The generative model, bound to one pass over one data set."""
        config = self.config

        def latent_prior(layer: int, z_above: Array | None, c: Array) -> Distribution:
            if z_above is None:
                trunk = self.prior_trunks[layer](ctx.of_the_set(), c)
            else:
                trunk = self.prior_trunks[layer](ctx, z_above, c)
            return diagonal_gaussian(*self.prior_heads[layer](trunk))

        def likelihood(zs: tuple[Array, ...], c: Array) -> Distribution:
            inputs = (*zs, c) if config.full else (zs[-1],)
            outputs = self.item_head(self.decoder(ctx, *inputs))
            outputs = outputs.reshape(*outputs.shape[:-1], *self.parameter_shape)
            return config.likelihood(outputs, len(self.event_shape))

        return StatisticianGenerative(
            lambda: standard_gaussian((config.context_dim,)),
            latent_prior,
            likelihood,
            config.layers,
        )
