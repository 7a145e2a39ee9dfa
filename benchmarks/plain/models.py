"""cal_jax's models with the networks of ``benchmarks.plain.networks`` in their places.

What the models do with their networks is inherited; only batch normalisation,
the thesis's, has a plain form.
"""

import math
from typing import Any, cast

from benchmarks.plain import networks
from benchmarks.thesis_choices import (
    require_thesis_context_aware,
    require_thesis_statistician,
    require_thesis_vae,
)
from cal_jax.distributions import diagonal_gaussian
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.statistician import NeuralStatistician
from cal_jax.models.vae import VAE
from cal_jax.nn.dense import LearnedGaussian

plain: Any = networks  # they stand where the models have networks of other types


class PlainVAE(VAE):
    """The autoencoder of thesis 4.4.1."""

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        require_thesis_vae(c)
        self.posterior_of = diagonal_gaussian
        encoder, decoder = cast(Any, (c.encoder, c.decoder))
        self.encoder = plain.MLP(encoder.widths)
        self.posterior_head = plain.GaussianHead((c.latent_dim,))
        self.decoder = plain.MLPDecoder(self.event_shape, decoder.widths)


class PlainStatistician(NeuralStatistician):
    """The neural statistician of thesis 5.3.1."""

    def setup(self) -> None:
        """Make the networks that the config names."""
        c, h = self.config, self.config.hidden
        require_thesis_statistician(c)

        def trunks(count: int) -> list[Any]:
            return [plain.ResidualMLP(h.width, h.depth, h.skip) for _ in range(count)]

        def heads(count: int) -> list[Any]:
            return [plain.GaussianHead((c.latent_dim,)) for _ in range(count)]

        self.statistic = plain.StatisticNetwork(h.width, h.depth, h.skip)
        self.context_head = plain.GaussianHead((c.context_dim,))
        self.posterior_trunks, self.posterior_heads = trunks(c.layers), heads(c.layers)
        self.prior_trunks, self.prior_heads = trunks(c.layers), heads(c.layers)
        (self.decoder,) = trunks(1)
        self.parameter_shape = c.likelihood.parameter_shape(self.event_shape)
        self.item_head = plain.Dense(math.prod(self.parameter_shape), kernel_init=plain.SMALL)


class PlainContextAware(ContextAwareLearner):
    """The context-aware learner of thesis 6.4.1: convolutional, learned priors."""

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        require_thesis_context_aware(c)
        h, contexts, latent = c.hidden, (c.num_contexts, c.context_dim), (c.latent.dim,)

        def trunk_and_head(shape: tuple[int, ...]) -> dict[str, Any]:
            trunk = plain.ResidualMLP(h.width, h.depth, h.skip)
            return {"trunk": trunk, "head": plain.GaussianHead(shape)}

        encoder, decoder, posterior = cast(Any, (c.encoder, c.decoder, c.posterior))
        self.encoder = plain.ConvolutionalEncoder(encoder.widths)
        self.decoder = plain.ConvolutionalDecoder(self.event_shape[0], decoder.widths)
        varying = trunk_and_head(contexts)
        self.posterior = {
            "statistic": plain.StatisticNetwork(posterior.width, h.depth, h.skip),
            "constant_head": plain.GaussianHead(contexts),
            "varying_trunk": varying["trunk"],
            "varying_head": varying["head"],
        }
        of_z = trunk_and_head(latent)
        self.latent_trunk, self.latent_head = of_z["trunk"], of_z["head"]
        self.constant_prior = {"parameters": LearnedGaussian(contexts)}
        self.varying_prior = trunk_and_head(contexts)
        self.latent_prior = trunk_and_head(latent)
        self.actions = [{} for _ in c.contexts]
        self.label_network = None
