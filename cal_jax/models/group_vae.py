"""Models of sets of images with one context: the neural statistician, ML-VAE and GVAE.

The neural statistician (thesis 5.1) with image networks, and the two group models
that know a group's content from its items' Gaussians and each item's style apart.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args

import flax.linen as nn
from jax import Array

from cal_jax.distributions import Distribution, bernoulli, diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.models.statistician import StatisticianGenerative, StatisticianInference
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead, ResidualMLP
from cal_jax.nn.fully_connected import DenseDecoder, DenseEncoder
from cal_jax.nn.group_posteriors import mean_of_gaussians, product_of_gaussians
from cal_jax.nn.norm import Norm
from cal_jax.nn.statistic import StatisticNetwork

GroupPosterior = Literal["statistic", "product", "mean"]


@dataclass(frozen=True)
class ImageStatisticianConfig:
    """The sizes and choices of a model of sets of images with one context."""

    group_posterior: GroupPosterior = "statistic"
    """q(c | D): a statistic network (the neural statistician), or the product (ML-VAE)
    or mean (GVAE) of a Gaussian of each image."""
    latent_sees_context: bool = True
    """p(z | c) is a network and q(z | x, c) sees c. False: p(z) is N(0, I), and z is
    inferred from its image alone."""
    context_dim: int = 32
    """C."""
    latent_dim: int = 48
    """Z."""
    image_size: int = 28
    """H = W of the items."""
    dense_width: int = 384
    """Units of each layer of the encoder and the decoder."""
    statistic_width: int = 128
    """Units of the layers of the context's network; as many before and after pooling."""
    inference_width: int = 128
    """Units of the layers of z's posterior and prior."""
    depth: int = 3
    """Hidden layers of each network."""
    norm: Norm = "batch"
    """batch, layer or none."""
    skip: bool = True
    """Skip connections between the first and last hidden layers."""

    def __post_init__(self) -> None:
        for field in fields(self):
            size = getattr(self, field.name)
            if type(size) is int and size < 1:
                raise InputError(f"{field.name} must be at least 1: got {size}")
        for name, names in (("group_posterior", GroupPosterior), ("norm", Norm)):
            if getattr(self, name) not in get_args(names):
                accepted = ", ".join(get_args(names))
                raise InputError(f"{name} must be one of {accepted}: got {getattr(self, name)!r}")


class ImageStatistician(nn.Module):
    """An image encoder and decoder, a context's posterior, and z's posterior and prior.

    One stochastic layer; the likelihood sees z and c. ``inference(ctx)`` and
    ``generative(ctx)`` bind the networks to one pass over one data set and return
    the callables of ``objectives.protocols``.
    """

    config: ImageStatisticianConfig

    @property
    def event_shape(self) -> tuple[int, ...]:
        """X, the shape of an item."""
        return (self.config.image_size, self.config.image_size)

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        self.encoder = DenseEncoder(c.dense_width, c.depth, c.norm, c.skip)
        shape = (c.image_size, c.image_size)
        self.decoder = DenseDecoder(shape, c.dense_width, c.depth, c.norm, c.skip)
        if c.group_posterior == "statistic":
            self.statistic = StatisticNetwork(c.statistic_width, c.depth, c.norm, c.skip)
        else:
            self.context_trunk = ResidualMLP(c.statistic_width, c.depth, c.norm, c.skip)
        self.context_head = GaussianHead((c.context_dim,))
        self.latent_trunk = ResidualMLP(c.inference_width, c.depth, c.norm, c.skip)
        self.latent_head = GaussianHead((c.latent_dim,))
        if c.latent_sees_context:
            self.prior_trunk = ResidualMLP(c.inference_width, c.depth, c.norm, c.skip)
            self.prior_head = GaussianHead((c.latent_dim,))

    def inference(self, ctx: ApplyContext = EVALUATION) -> StatisticianInference:
        """The approximate posterior, bound to one pass over one data set."""
        config = self.config

        def encode(x: Array) -> Array:
            return self.encoder(x, ctx)

        def context(h: Array, mask: Array | None) -> Distribution:
            if config.group_posterior == "statistic":
                statistic = self.statistic(h, ctx._replace(mask=mask))
                return diagonal_gaussian(*self.context_head(statistic))
            items = self.context_head(self.context_trunk(ctx, h))
            is_product = config.group_posterior == "product"
            pooled = product_of_gaussians if is_product else mean_of_gaussians
            return diagonal_gaussian(*pooled(items, mask))

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
            return bernoulli(self.decoder(ctx, *zs, c), event_ndims=2)

        return StatisticianGenerative(
            lambda: standard_gaussian((config.context_dim,)), latent_prior, likelihood, layers=1
        )
