"""The context-aware learner of thesis 6.4.1 in PyTorch, with its label known."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.thesis_choices import require_thesis_context_aware
from benchmarks.twins.gaussians import Gaussian
from benchmarks.twins.layers import ResidualMLP, gaussian_head
from benchmarks.twins.torch_images import ConvolutionalDecoder, ConvolutionalEncoder, turned
from cal_jax.models.components.decoders import ConvDecoder
from cal_jax.models.components.encoders import ConvEncoder
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.posteriors import Statistic


class ContextAwareNoise(NamedTuple):
    """Standard normal noise of one Monte Carlo sample."""

    constant: Tensor
    """[B, K, C]"""
    varying: Tensor
    """[B, N, K, C]"""
    latent: Tensor
    """[B, N, Z]"""

    @classmethod
    def draw(cls, x: Tensor, config: ContextAwareConfig) -> "ContextAwareNoise":
        """For sets x [B, N, H, W], from PyTorch's global generator of its device."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, device=x.device)

        contexts = (config.num_contexts, config.context_dim)
        return cls(
            normal(len(x), *contexts),
            normal(*x.shape[:2], *contexts),
            normal(*x.shape[:2], config.latent.dim),
        )


class ContextAwareBound(NamedTuple):
    """The parts of the bound (6.5) of every set, nats."""

    reconstruction: Tensor
    """[B]: R (6.6)."""
    kl: Tensor
    """[B]: L + C_v + C_c (6.7)-(6.9)."""

    @property
    def elbo(self) -> Tensor:
        """[B]"""
        return self.reconstruction - self.kl


class LearnedGaussian(nn.Module):
    """Gaussians of a given shape that depend on nothing; N(0, I) before training."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(shape))
        self.log_variance = nn.Parameter(torch.zeros(shape))

    def forward(self) -> Gaussian:
        """The two parameters."""
        return Gaussian(self.mean, self.log_variance)


class TorchContextAware(nn.Module):
    """The twin of ``ContextAwareLearner``; its modules bear the names of the Flax ones.

    Its convolutions see images turned by 180 degrees (``torch_images``).

    Raises:
        InputError: another configuration than the thesis's.
    """

    def __init__(self, config: ContextAwareConfig, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        c, h = config, config.hidden
        require_thesis_context_aware(c)
        assert isinstance(c.encoder, ConvEncoder) and isinstance(c.decoder, ConvDecoder)
        assert isinstance(c.posterior, Statistic)
        self.config, size = c, event_shape[0]
        contexts, label = c.num_contexts * c.context_dim, c.num_contexts

        def trunk(*inputs: int) -> ResidualMLP:
            return ResidualMLP(inputs, h.width, h.depth, h.skip)

        self.encoder = ConvolutionalEncoder(size, c.encoder.widths)
        features = self.encoder.features
        self.decoder = ConvolutionalDecoder((c.latent.dim, contexts), size, c.decoder.widths)
        wide = c.posterior.width
        self.posterior_statistic = nn.ModuleDict(
            {
                "pre_pool": ResidualMLP((features,), wide, h.depth, h.skip),
                "post_pool": ResidualMLP((wide,), wide, h.depth, h.skip),
            }
        )
        self.posterior_constant_head = gaussian_head(wide, contexts)
        self.constant_prior_parameters = LearnedGaussian(c.num_contexts, c.context_dim)
        for name, inputs, dim in (
            ("posterior_varying", (features, contexts, label), contexts),
            ("varying_prior", (contexts, label), contexts),
            ("latent", (features, contexts), c.latent.dim),
            ("latent_prior", (contexts,), c.latent.dim),
        ):
            self.add_module(f"{name}_trunk", trunk(*inputs))
            self.add_module(f"{name}_head", gaussian_head(h.width, dim))

    def forward(self, x: Tensor, a: Tensor, noise: ContextAwareNoise) -> ContextAwareBound:
        """The bound of sets x [B, N, H, W] in {0, 1} with labels a [B, K]."""
        batch, items = x.shape[:2]
        images = turned(x).flatten(0, 1)
        h = self.encoder(images).unflatten(0, (batch, items))

        pooled = self.posterior_statistic["pre_pool"](h).mean(1)
        posterior = self._contexts(
            self.posterior_constant_head(self.posterior_statistic["post_pool"](pooled))
        )
        kl = (a * posterior.kl_from(self.constant_prior_parameters())).sum(-1)  # (6.9)
        constants = a[..., None] * posterior.at(noise.constant)

        flat = constants.flatten(1)
        varying = self._contexts(self._outputs("posterior_varying", h, flat, a))
        prior = self._contexts(self._outputs("varying_prior", flat, a))
        prior = Gaussian(*(parameter[:, None] for parameter in prior))
        kl = kl + ((1 - a)[:, None] * varying.kl_from(prior)).sum((1, 2))  # (6.8)
        share = a[:, None, :, None]
        contexts = share * constants[:, None] + (1 - share) * varying.at(noise.varying)

        flat = contexts.flatten(2)
        latent = Gaussian.of(self._outputs("latent", h, flat))
        kl = kl + latent.kl_from(Gaussian.of(self._outputs("latent_prior", flat))).sum(1)  # (6.7)
        logits = self.decoder(latent.at(noise.latent), flat)
        nats = functional.binary_cross_entropy_with_logits(logits, images, reduction="none")
        reconstruction = -nats.view(batch, -1).sum(1)  # (6.6)
        return ContextAwareBound(reconstruction, kl)

    def _outputs(self, name: str, *inputs: Tensor) -> Tensor:
        trunk = self.get_submodule(f"{name}_trunk")
        return self.get_submodule(f"{name}_head")(trunk(*inputs))

    def _contexts(self, outputs: Tensor) -> Gaussian:
        """A head's outputs [..., 2 K C] as Gaussians [..., K, C]."""
        shape = (self.config.num_contexts, self.config.context_dim)
        return Gaussian(*(half.unflatten(-1, shape) for half in Gaussian.of(outputs)))
