"""The variational autoencoder of thesis 4.4.1 in PyTorch."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from benchmarks.twins.gaussians import Gaussian
from benchmarks.twins.layers import gaussian_head, glorot, mlp
from cal_jax.errors import InputError
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
        InputError: a normalisation other than batch.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        if config.norm != "batch":
            raise InputError(f"norm {config.norm!r}; accepted by the twin: 'batch'")
        pixels = config.image_size**2
        self.latent_dim = config.latent_dim
        self.encoder = mlp(pixels, config.encoder_widths)
        self.posterior_head = gaussian_head(config.encoder_widths[-1], config.latent_dim)
        self.decoder = mlp(config.latent_dim, config.decoder_widths)
        self.logits = glorot(config.decoder_widths[-1], pixels)

    def forward(self, x: Tensor, noise: Tensor) -> VAEBound:
        """The bound of images x [B, H * W] in {0, 1} from standard normal noise [B, Z]."""
        posterior = Gaussian.of(self.posterior_head(self.encoder(x)))
        logits = self.logits(self.decoder(posterior.at(noise)))
        nats = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
        return VAEBound(-nats.sum(-1), posterior.kl_from_standard())
