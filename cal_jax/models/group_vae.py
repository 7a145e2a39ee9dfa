"""Models of sets with one context: the neural statistician, ML-VAE and GVAE.

The neural statistician (thesis 5.1) with an encoder and a decoder, and two group models that
infer a group's content from its items' Gaussians, separately from each item's style.
"""

from dataclasses import dataclass, field

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least
from cal_jax.distributions import Distribution, diagonal_gaussian, standard_gaussian
from cal_jax.models.components.decoders import AnyDecoder, DenseDecoder
from cal_jax.models.components.encoders import AnyEncoder, DenseEncoder, require_no_pose
from cal_jax.models.components.group_posteriors import AnyGroupPosterior, GroupStatistic
from cal_jax.models.components.items import require_items
from cal_jax.models.components.likelihoods import AnyLikelihood, Bernoulli
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.statistician import StatisticianGenerative, StatisticianInference
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead
from cal_jax.nn.hidden import Hidden


@dataclass(frozen=True)
class GroupVAEConfig:
    """A model of sets with one context."""

    posterior: AnyGroupPosterior = field(default_factory=GroupStatistic)
    """q(c | D): a statistic network (the neural statistician), or the product (ML-VAE)
    or mean (GVAE) of a Gaussian of each item."""
    latent_sees_context: bool = True
    """p(z | c) is a network and q(z | x, c) sees c. False: p(z) is N(0, I), and z is
    inferred from its item alone."""
    context_dim: int = 32
    """C."""
    latent_dim: int = 48
    """Z."""
    encoder: AnyEncoder = field(default_factory=lambda: DenseEncoder(384))
    decoder: AnyDecoder = field(default_factory=lambda: DenseDecoder(384))
    likelihood: AnyLikelihood = field(default_factory=Bernoulli)
    hidden: Hidden = field(default_factory=Hidden)
    """Its width is that of z's posterior and prior."""

    def __post_init__(self) -> None:
        require_at_least(self, context_dim=1, latent_dim=1)
        require_no_pose(self.encoder)


class GroupVAE(nn.Module):
    """An encoder and a decoder, a context's posterior, and z's posterior and prior.

    One stochastic layer; the likelihood depends on z and c. ``inference(ctx)`` and
    ``generative(ctx)`` bind the networks to one pass over one data set and return
    the callables of ``objectives.protocols``.
    """

    config: GroupVAEConfig
    event_shape: tuple[int, ...]
    """X, the shape of an item."""

    def setup(self) -> None:
        """Build the networks of every component."""
        c = self.config
        sizes = Sizes(1, c.context_dim, c.latent_dim, tuple(self.event_shape), c.hidden)
        self.encoder = c.encoder.network(sizes)
        self.decoder = c.decoder.network(c.likelihood.parameter_shape(sizes.event_shape), sizes)
        self.posterior = c.posterior.networks(sizes)
        self.latent_trunk, self.latent_head = sizes.mlp(), GaussianHead((c.latent_dim,))
        if c.latent_sees_context:
            self.prior_trunk, self.prior_head = sizes.mlp(), GaussianHead((c.latent_dim,))

    def inference(self, ctx: ApplyContext = EVALUATION) -> StatisticianInference:
        """The approximate posterior, bound to one pass over one data set."""
        config = self.config

        def encode(x: Array) -> Array:
            require_items(x, self.event_shape)
            items = config.likelihood.network_input(x)
            return config.encoder.read(self.encoder, items, ctx).features

        def context(h: Array, mask: Array | None) -> Distribution:
            return config.posterior(self.posterior, h, ctx._replace(mask=mask))

        def latent(layer: int, h: Array, z_above: Array | None, c: Array) -> Distribution:
            del layer, z_above  # there is one layer
            seen = (c,) if config.latent_sees_context else ()
            return diagonal_gaussian(*self.latent_head(self.latent_trunk(ctx, h, *seen)))

        return StatisticianInference(encode, context, latent)

    def generative(self, ctx: ApplyContext = EVALUATION) -> StatisticianGenerative:
        """The generative model, bound to one pass over one data set."""
        config = self.config

        def latent_prior(layer: int, z_above: Array | None, c: Array) -> Distribution:
            del layer, z_above  # there is one layer
            if not config.latent_sees_context:
                return standard_gaussian((config.latent_dim,))
            return diagonal_gaussian(*self.prior_head(self.prior_trunk(ctx.of_the_set(), c)))

        def likelihood(zs: tuple[Array, ...], c: Array) -> Distribution:
            return config.likelihood(self.decoder(ctx, *zs, c), len(self.event_shape))

        return StatisticianGenerative(
            lambda: standard_gaussian((config.context_dim,)), latent_prior, likelihood, layers=1
        )
