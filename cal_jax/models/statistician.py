"""The neural statistician of feature vectors as a Flax module (thesis 5.1, 5.3.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, get_args

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import Distribution, diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead, ResidualMLP
from cal_jax.nn.norm import Norm
from cal_jax.nn.statistic import StatisticNetwork


@dataclass(frozen=True)
class NeuralStatisticianConfig:
    """The sizes and choices of a neural statistician; the defaults are thesis 5.3.1's."""

    item_dim: int = 1
    """X, features of an item."""
    context_dim: int = 3
    """C."""
    latent_dim: int = 32
    """Z, of each stochastic layer."""
    layers: int = 2
    """L, stochastic layers."""
    full: bool = True
    """The full model (5.9): items see the context and every layer directly. False:
    the basic one (5.3), whose likelihood sees the last layer alone."""
    width: int = 128
    """Units of every hidden layer."""
    depth: int = 3
    """Hidden layers of each network; as many before and after pooling."""
    norm: Norm = "batch"
    """batch (thesis), layer or none."""
    skip: bool = True
    """Skip connections between the first and last hidden layers."""
    log_variance_range: tuple[float, float] = (-4.0, 3.0)
    """The likelihood's log variance is clamped to it (decision 2)."""

    def __post_init__(self) -> None:
        for name in ("item_dim", "context_dim", "latent_dim", "layers", "width", "depth"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")
        if self.norm not in get_args(Norm):
            raise InputError(f"norm must be one of {', '.join(get_args(Norm))}: got {self.norm!r}")
        low, high = self.log_variance_range
        if not low < high:
            raise InputError(f"log_variance_range must be (low, high): got {(low, high)}")


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
    """L, which an objective takes where it is told none, and holds to what it is told."""


class NeuralStatistician(nn.Module):
    """A statistic network, a posterior and a prior network for each layer, a decoder.

    ``inference(ctx)`` and ``generative(ctx)`` bind the networks to one pass
    over one data set (its item mask, and where batch statistics come from)
    and return the callables of ``objectives.protocols``.
    """

    config: NeuralStatisticianConfig

    @property
    def event_shape(self) -> tuple[int, ...]:
        """X, the shape of an item."""
        return (self.config.item_dim,)

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config

        def trunk() -> ResidualMLP:
            return ResidualMLP(c.width, c.depth, c.norm, c.skip)

        latent = (c.latent_dim,)
        self.statistic = StatisticNetwork(c.width, c.depth, c.norm, c.skip)
        self.context_head = GaussianHead((c.context_dim,))
        self.posterior_trunks = [trunk() for _ in range(c.layers)]
        self.posterior_heads = [GaussianHead(latent) for _ in range(c.layers)]
        self.prior_trunks = [trunk() for _ in range(c.layers)]
        self.prior_heads = [GaussianHead(latent) for _ in range(c.layers)]
        self.decoder = trunk()
        self.item_head = GaussianHead((c.item_dim,))

    def inference(self, ctx: ApplyContext = EVALUATION) -> StatisticianInference:
        """The approximate posterior, bound to one pass over one data set."""

        def encode(x: Array) -> Array:
            return x

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
            mean, log_variance = self.item_head(self.decoder(ctx, *inputs))
            return diagonal_gaussian(mean, jnp.clip(log_variance, *config.log_variance_range))

        return StatisticianGenerative(
            lambda: standard_gaussian((config.context_dim,)),
            latent_prior,
            likelihood,
            config.layers,
        )
