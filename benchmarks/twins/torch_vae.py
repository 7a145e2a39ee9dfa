"""The variational autoencoder of thesis 4.4.1 in PyTorch."""

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from benchmarks.thesis_choices import require_thesis_vae
from benchmarks.twins.gaussians import Gaussian
from benchmarks.twins.layers import gaussian_head, glorot, mlp
from cal_jax.models.components.decoders import MLPDecoder
from cal_jax.models.components.encoders import MLPEncoder
from cal_jax.models.vae import VAEConfig


class VAEBound(NamedTuple):
    """The parts of the bound (4.7) of every image, nats."""

    reconstruction: Tensor
    """[B]"""
    kl_latent: Tensor
    """[B]"""

    @property
    def elbo(self) -> Tensor:
        """[B]"""
        return self.reconstruction - self.kl_latent


class TorchVAE(nn.Module):
    """The twin of ``cal_jax.models.vae.VAE``; its modules bear the names of the Flax ones.

    Raises:
        InputError: another configuration than the thesis's.
    """

    def __init__(self, config: VAEConfig, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        require_thesis_vae(config)
        assert isinstance(config.encoder, MLPEncoder) and isinstance(config.decoder, MLPDecoder)
        pixels, widths = math.prod(event_shape), config.decoder.widths
        self.latent_dim = config.latent_dim
        self.encoder = mlp(pixels, config.encoder.widths)
        self.posterior_head = gaussian_head(config.encoder.widths[-1], config.latent_dim)
        self.decoder = nn.Sequential()
        self.decoder.add_module("hidden", mlp(config.latent_dim, widths))
        self.decoder.add_module("output", glorot(widths[-1], pixels))

    def forward(self, x: Tensor, noise: Tensor) -> VAEBound:
        """The bound of images x [B, H * W] in {0, 1} from standard normal noise [B, Z]."""
        posterior = Gaussian.of(self.posterior_head(self.encoder(x)))
        logits = self.decoder(posterior.at(noise))
        nats = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
        return VAEBound(-nats.sum(-1), posterior.kl_from_standard())
