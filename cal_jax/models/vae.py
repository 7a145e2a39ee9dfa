"""The variational autoencoder as a Flax module (thesis 4.4.1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least, require_one_of
from cal_jax.distributions import (
    Distribution,
    diagonal_gaussian,
    standard_gaussian,
    triangular_gaussian,
)
from cal_jax.models.components.decoders import AnyDecoder, MLPDecoder
from cal_jax.models.components.encoders import AnyEncoder, MLPEncoder, require_no_pose
from cal_jax.models.components.items import require_items
from cal_jax.models.components.likelihoods import AnyLikelihood, Bernoulli
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.dense import GaussianHead, TriangularGaussianHead
from cal_jax.nn.hidden import Hidden

Covariance = Literal["diagonal", "full"]


@dataclass(frozen=True)
class VAEConfig:
    """A variational autoencoder; the defaults are thesis 4.4.1's."""

    latent_dim: int = 2
    """Z."""
    encoder: AnyEncoder = field(default_factory=MLPEncoder)
    decoder: AnyDecoder = field(default_factory=MLPDecoder)
    """The encoder's mirror."""
    covariance: Covariance = "diagonal"
    """Of the posterior: diagonal (thesis), or full."""
    likelihood: AnyLikelihood = field(default_factory=Bernoulli)
    hidden: Hidden = field(default_factory=Hidden)
    """Its ``norm`` is every network's; the rest is of encoders and decoders that take it."""

    def __post_init__(self) -> None:
        require_at_least(self, latent_dim=1)
        require_one_of(self, covariance=Covariance)
        require_no_pose(self.encoder)


class VAEPosterior(NamedTuple):
    """q(z | x): see ``objectives.protocols.VAEInference``."""

    posterior: Callable[[Array], Distribution]


class VAEModel(NamedTuple):
    """p(x, z): see ``objectives.protocols.VAEGenerative``."""

    prior: Callable[[], Distribution]
    likelihood: Callable[[Array], Distribution]


class VAE(nn.Module):
    """An encoder, the head of q(z | x) and a decoder.

    ``inference(ctx)`` and ``generative(ctx)`` return the callables of
    ``objectives.protocols`` for one item, and accept leading axes before an
    item's.
    """

    config: VAEConfig
    event_shape: tuple[int, ...]
    """X, the shape of an item."""

    def setup(self) -> None:
        """Build the networks of every component."""
        c = self.config
        sizes = Sizes(0, 0, c.latent_dim, tuple(self.event_shape), c.hidden)
        self.encoder = c.encoder.network(sizes)
        self.decoder = c.decoder.network(c.likelihood.parameter_shape(sizes.event_shape), sizes)
        is_full = c.covariance == "full"
        self.posterior_of = triangular_gaussian if is_full else diagonal_gaussian
        self.posterior_head = (
            TriangularGaussianHead((c.latent_dim,)) if is_full else GaussianHead((c.latent_dim,))
        )

    def inference(self, ctx: ApplyContext = EVALUATION) -> VAEPosterior:
        """The approximate posterior, bound to one pass."""
        c = self.config

        def posterior(x: Array) -> Distribution:
            require_items(x, self.event_shape, of_set=False)
            lead = x.shape[: x.ndim - len(self.event_shape)]
            items = c.likelihood.network_input(x.reshape(-1, *self.event_shape))
            features = c.encoder.read(self.encoder, items, ctx).features
            head = self.posterior_head(features.reshape(*lead, features.shape[-1]))
            return self.posterior_of(*head)

        return VAEPosterior(posterior)

    def generative(self, ctx: ApplyContext = EVALUATION) -> VAEModel:
        """The generative model, bound to one pass."""
        c = self.config

        def likelihood(z: Array) -> Distribution:
            outputs = self.decoder(ctx, z.reshape(-1, z.shape[-1]))
            outputs = outputs.reshape(*z.shape[:-1], *outputs.shape[1:])
            return c.likelihood(outputs, len(self.event_shape))

        return VAEModel(lambda: standard_gaussian((c.latent_dim,)), likelihood)
