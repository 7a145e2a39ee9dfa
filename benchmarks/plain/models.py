"""cal_jax's models with the networks of ``benchmarks.plain.networks`` in their places.

What the models do with their networks is inherited; only batch normalisation,
the thesis's, has a plain form.
"""

from typing import Any

import flax.linen as nn

from benchmarks.plain import networks
from benchmarks.thesis_choices import require_thesis_choices, require_thesis_context_aware
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
        require_thesis_choices(c, "norm", "covariance")
        self.posterior_of = diagonal_gaussian
        self.encoder = plain.MLP(c.encoder_widths)
        self.posterior_head = plain.GaussianHead((c.latent_dim,))
        self.decoder = plain.MLP(c.decoder_widths)
        self.logits = nn.Dense(c.image_size**2, kernel_init=plain.OUTPUT)


class PlainStatistician(NeuralStatistician):
    """The neural statistician of thesis 5.3.1."""

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        require_thesis_choices(c, "norm")

        def trunks(count: int) -> list[Any]:
            return [plain.ResidualMLP(c.width, c.depth, c.skip) for _ in range(count)]

        def heads(count: int) -> list[Any]:
            return [plain.GaussianHead((c.latent_dim,)) for _ in range(count)]

        self.statistic = plain.StatisticNetwork(c.width, c.depth, c.skip)
        self.context_head = plain.GaussianHead((c.context_dim,))
        self.posterior_trunks, self.posterior_heads = trunks(c.layers), heads(c.layers)
        self.prior_trunks, self.prior_heads = trunks(c.layers), heads(c.layers)
        (self.decoder,) = trunks(1)
        self.item_head = plain.GaussianHead((c.item_dim,))


class PlainContextAware(ContextAwareLearner):
    """The context-aware learner of thesis 6.4.1: convolutional, learned priors."""

    def setup(self) -> None:
        """Make the networks that the config names."""
        c = self.config
        require_thesis_context_aware(c)
        contexts, latent = (c.num_contexts, c.context_dim), (c.latent_dim,)

        def trunk() -> Any:
            return plain.ResidualMLP(c.inference_width, c.depth, c.skip)

        self.encoder = plain.ConvolutionalEncoder(c.convolution_widths)
        self.decoder = plain.ConvolutionalDecoder(c.image_size, c.convolution_widths)
        self.statistic = plain.StatisticNetwork(c.statistic_width, c.depth, c.skip)
        self.constant_head = plain.GaussianHead(contexts)
        self.varying_trunk, self.varying_head = trunk(), plain.GaussianHead(contexts)
        self.latent_trunk, self.latent_head = trunk(), plain.GaussianHead(latent)
        self.constant_prior_parameters = LearnedGaussian(contexts)
        self.varying_prior_trunk, self.varying_prior_head = trunk(), plain.GaussianHead(contexts)
        self.latent_prior_trunk, self.latent_prior_head = trunk(), plain.GaussianHead(latent)
