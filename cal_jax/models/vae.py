"""The variational autoencoder of images as a Flax module (thesis 4.4.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import flax.linen as nn
from jax import Array

from cal_jax.distributions import (
    Distribution,
    bernoulli,
    diagonal_gaussian,
    standard_gaussian,
    triangular_gaussian,
)
from cal_jax.errors import InputError
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import MLP, GaussianHead, TriangularGaussianHead
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import Norm

Covariance = Literal["diagonal", "full"]


@dataclass(frozen=True)
class VAEConfig:
    """The sizes and choices of a variational autoencoder; the defaults are thesis 4.4.1's."""

    latent_dim: int = 2
    """Z."""
    image_size: int = 28
    """H = W of the items."""
    encoder_widths: tuple[int, ...] = (500, 200)
    """Units of the encoder's hidden layers."""
    decoder_widths: tuple[int, ...] = (200, 500)
    """Units of the decoder's: the encoder's mirrored."""
    norm: Norm = "batch"
    """batch (thesis), layer or none."""
    covariance: Covariance = "diagonal"
    """Of the posterior: diagonal (thesis), or full."""

    def __post_init__(self) -> None:
        for name in ("latent_dim", "image_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")
        for name in ("encoder_widths", "decoder_widths"):
            widths = getattr(self, name)
            if not widths or min(widths) < 1:
                raise InputError(f"{name} must be one or more sizes of at least 1: got {widths}")
        for name, kind in (("norm", Norm), ("covariance", Covariance)):
            if getattr(self, name) not in get_args(kind):
                accepted = ", ".join(get_args(kind))
                raise InputError(f"{name} must be one of {accepted}: got {getattr(self, name)!r}")


class VAEPosterior(NamedTuple):
    """q(z | x): see ``objectives.protocols.VAEInference``."""

    posterior: Callable[[Array], Distribution]


class VAEModel(NamedTuple):
    """p(x, z): see ``objectives.protocols.VAEGenerative``."""

    prior: Callable[[], Distribution]
    likelihood: Callable[[Array], Distribution]


class VAE(nn.Module):
    """An encoder and a decoder of one image, each a plain MLP.

    ``inference(ctx)`` and ``generative(ctx)`` return the callables of
    ``objectives.protocols`` for one item. Leading axes before those of an item
    are taken too.
    """

    config: VAEConfig

    @property
    def event_shape(self) -> tuple[int, ...]:
        """X, the shape of an item."""
        return (self.config.image_size, self.config.image_size)

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        self.encoder = MLP(c.encoder_widths, c.norm)
        is_full = c.covariance == "full"
        self.posterior_of = triangular_gaussian if is_full else diagonal_gaussian
        self.posterior_head = (
            TriangularGaussianHead((c.latent_dim,)) if is_full else GaussianHead((c.latent_dim,))
        )
        self.decoder = MLP(c.decoder_widths, c.norm)
        self.logits: nn.Module = Dense(c.image_size**2, kernel_init=nn.initializers.glorot_normal())

    def inference(self, ctx: ApplyContext = EVALUATION) -> VAEPosterior:
        """The approximate posterior, bound to one pass."""

        def posterior(x: Array) -> Distribution:
            features = self.encoder(x.reshape(*x.shape[:-2], -1), ctx)
            return self.posterior_of(*self.posterior_head(features))

        return VAEPosterior(posterior)

    def generative(self, ctx: ApplyContext = EVALUATION) -> VAEModel:
        """The generative model, bound to one pass."""
        size = self.config.image_size

        def likelihood(z: Array) -> Distribution:
            logits = self.logits(self.decoder(z, ctx))
            return bernoulli(logits.reshape(*z.shape[:-1], size, size), event_ndims=2)

        return VAEModel(lambda: standard_gaussian((self.config.latent_dim,)), likelihood)
