"""The bound of the neural statistician in PyTorch, of any model with four networks."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from benchmarks.twins.gaussians import Gaussian


class Statistician(Protocol):
    """The networks of a neural statistician, for batches of sets x [B, N, X]."""

    def context(self, x: Tensor) -> Gaussian:
        """q(c | D), [B, C]."""

    def latent(self, layer: int, x: Tensor, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """q(z_l | x, z_above, c), [B, N, Z]."""

    def latent_prior(self, layer: int, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """p(z_l | z_above, c), [B, N, Z]; [B, 1, Z] in the first layer."""

    def likelihood(self, zs: tuple[Tensor, ...], c: Tensor) -> Gaussian:
        """p(x | z, c), [B, N, X]."""


class Noise(NamedTuple):
    """Standard normal noise of one Monte Carlo sample."""

    context: Tensor
    """[B, C]"""
    latents: tuple[Tensor, ...]
    """L of [B, N, Z]"""

    @classmethod
    def draw(cls, x: Tensor, *, context_dim: int, latent_dim: int, layers: int) -> "Noise":
        """For sets x [B, N, X], from PyTorch's global generator."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, device=x.device)

        latents = tuple(normal(*x.shape[:2], latent_dim) for _ in range(layers))
        return cls(normal(len(x), context_dim), latents)


class StatisticianBound(NamedTuple):
    """The parts of the bound (5.10) of every set, nats."""

    reconstruction: Tensor
    """[B]: R (5.11)."""
    kl: Tensor
    """[B]: L + C (5.12), (5.13)."""

    @property
    def elbo(self) -> Tensor:
        """[B]"""
        return self.reconstruction - self.kl

    def weighted(self, omega: float) -> Tensor:
        """omega R - (L + C) / omega (5.14), [B]."""
        return omega * self.reconstruction - self.kl / omega


def present(z_above: Tensor | None) -> tuple[Tensor, ...]:
    """The layer above as inputs of a network: none for the first layer."""
    return () if z_above is None else (z_above,)


def statistician_bound(model: Statistician, x: Tensor, noise: Noise) -> StatisticianBound:
    """The bound of sets x [B, N, X] from one Monte Carlo sample, thesis (5.10)-(5.13)."""
    posterior = model.context(x)
    c = posterior.at(noise.context)
    kl = posterior.kl_from_standard()
    zs: tuple[Tensor, ...] = ()
    for layer, noise_of_layer in enumerate(noise.latents):
        z_above = zs[-1] if zs else None
        latent = model.latent(layer, x, z_above, c)
        kl = kl + latent.kl_from(model.latent_prior(layer, z_above, c)).sum(-1)
        zs = (*zs, latent.at(noise_of_layer))
    return StatisticianBound(model.likelihood(zs, c).log_density(x).sum(-1), kl)
