"""Diagonal Gaussians in PyTorch; every value in nats, summed over the last axis."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Gaussian(NamedTuple):
    """Mean and log variance, [..., F] each."""

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def of(cls, outputs: Tensor) -> "Gaussian":
        """From a network's outputs [..., 2 F], means first."""
        return cls(*outputs.chunk(2, dim=-1))

    def at(self, noise: Tensor) -> Tensor:
        """The reparameterised sample of standard normal noise [..., F] (thesis 4.3)."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) of x [..., F], [...]."""
        squares = (x - self.mean) ** 2 * torch.exp(-self.log_variance)
        return -0.5 * (math.log(2 * math.pi) + self.log_variance + squares).sum(-1)

    def kl_from_standard(self) -> Tensor:
        """KL(self || N(0, I)), [...] (thesis A.4)."""
        variance = torch.exp(self.log_variance)
        return 0.5 * (self.mean**2 + variance - 1 - self.log_variance).sum(-1)

    def kl_from(self, prior: "Gaussian") -> Tensor:
        """KL(self || prior), [...] (thesis A.3); the prior broadcasts."""
        log_ratio = self.log_variance - prior.log_variance
        squares = (self.mean - prior.mean) ** 2 * torch.exp(-prior.log_variance)
        return 0.5 * (torch.exp(log_ratio) + squares - 1 - log_ratio).sum(-1)
