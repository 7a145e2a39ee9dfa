"""The architecture of the thesis author's own neural statistician of synthetic sets.

Written anew after the public code, https://github.com/conormdurkan/neural-statistician
(commit 52d3c24, ``synthetic/``). It differs from the thesis's words: hidden layers are not
normalised, but every Gaussian's parameters are, by one mean and one variance for all of
them, except the likelihood's; each trunk has blocks of layers that skip from input to output.
"""

import math

import torch
from torch import Tensor, nn

from benchmarks.twins.gaussians import Gaussian
from benchmarks.twins.statistician_bound import present
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.statistician import NeuralStatisticianConfig


class ResidualBlock(nn.Module):
    """Linear layers with ReLUs between them; the input joins before the last ReLU."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(width, width)]
        for _ in range(depth - 1):
            layers += [nn.ReLU(), nn.Linear(width, width)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [..., width] to the same shape."""
        return torch.relu(x + self.body(x))


class GlobalNorm(nn.BatchNorm1d):
    """Batch normalisation by one mean and one variance of all features, with one scale and bias."""

    def __init__(self) -> None:
        super().__init__(1, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [...]."""
        return super().forward(x.reshape(1, 1, -1)).view_as(x)


class Conditional(nn.Module):
    """A Gaussian given several inputs [B, N or 1, F_i], each embedded linearly and summed."""

    def __init__(
        self, inputs: tuple[int, ...], size: int, width: int, *, blocks: list[int], normalised: bool
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Linear(features, width) for features in inputs)
        self.trunk = nn.Sequential(*(ResidualBlock(width, depth) for depth in blocks))
        self.head = nn.Linear(width, 2 * size)
        self.norm = GlobalNorm() if normalised else nn.Identity()

    def forward(self, *inputs: Tensor) -> Gaussian:
        """Its mean and log variance, [B, N or 1, size]."""
        total = torch.zeros(())
        for embedding, x in zip(self.embeddings, inputs, strict=True):
            total = total + embedding(x)
        return Gaussian.of(self.norm(self.head(self.trunk(torch.relu(total)))))


class AuthorStatistician(nn.Module):
    """The networks of ``statistician_bound.Statistician`` as the author made them.

    Of the config it takes the sizes; normalisation, skips and the full model are fixed.
    The log variance of an item is clamped to the config's range, the author's too.
    """

    def __init__(self, config: NeuralStatisticianConfig, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        assert isinstance(config.likelihood, Normal)
        self.log_variance_range = config.likelihood.log_variance_range
        (item,), context, latent = event_shape, config.context_dim, config.latent_dim
        width, depth = config.hidden.width, config.hidden.depth
        self.pre_pool = nn.Sequential(
            nn.Linear(item, width),
            nn.ReLU(),
            ResidualBlock(width, depth - 1),
            nn.Linear(width, width),
        )
        self.post_pool = nn.Sequential(
            ResidualBlock(width, depth), nn.Linear(width, 2 * context), GlobalNorm()
        )
        above = [(latent,) if layer else () for layer in range(config.layers)]

        def of_latents(*inputs: int) -> Conditional:
            return Conditional(inputs, latent, width, blocks=[depth - 1] * 2, normalised=True)

        self.posteriors = nn.ModuleList(of_latents(item, *z, context) for z in above)
        self.priors = nn.ModuleList(of_latents(*z, context) for z in above)
        self.decoder = Conditional(
            (config.layers * latent, context), item, width, blocks=[depth - 1], normalised=False
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight, gain=math.sqrt(2))
                nn.init.zeros_(module.bias)

    def context(self, x: Tensor) -> Gaussian:
        """q(c | D) of sets x [B, N, X]."""
        return Gaussian.of(self.post_pool(self.pre_pool(x).mean(1)))

    def latent(self, layer: int, x: Tensor, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """q(z_l | x, z_above, c)."""
        return self.posteriors[layer](x, *present(z_above), c[:, None])

    def latent_prior(self, layer: int, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """p(z_l | z_above, c)."""
        return self.priors[layer](*present(z_above), c[:, None])

    def likelihood(self, zs: tuple[Tensor, ...], c: Tensor) -> Gaussian:
        """p(x | z, c), its log variance clamped."""
        mean, log_variance = self.decoder(torch.cat(zs, -1), c[:, None])
        return Gaussian(mean, torch.clamp(log_variance, *self.log_variance_range))
