"""The neural statistician of thesis 5.3.1 in PyTorch."""

import torch
from torch import Tensor, nn

from benchmarks.thesis_choices import require_thesis_statistician
from benchmarks.twins.gaussians import Gaussian
from benchmarks.twins.layers import ResidualMLP, gaussian_head, small
from benchmarks.twins.statistician_bound import present
from cal_jax.models.components.likelihoods import Normal
from cal_jax.models.statistician import NeuralStatisticianConfig


class TorchStatistician(nn.Module):
    """The twin of ``NeuralStatistician``; its modules bear the names of the Flax ones.

    Its methods are those of ``statistician_bound.Statistician``.

    Raises:
        InputError: another configuration than the thesis's.
    """

    def __init__(self, config: NeuralStatisticianConfig, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        require_thesis_statistician(config)
        assert isinstance(config.likelihood, Normal)
        self.config, self.log_variance_range = config, config.likelihood.log_variance_range
        (item,), h = event_shape, config.hidden
        context, latent = config.context_dim, config.latent_dim

        def trunk(*inputs: int) -> ResidualMLP:
            return ResidualMLP(inputs, h.width, h.depth, h.skip)

        self.statistic = nn.ModuleDict({"pre_pool": trunk(item), "post_pool": trunk(h.width)})
        self.context_head = gaussian_head(h.width, context)
        for layer in range(config.layers):
            above = (latent,) if layer else ()
            self.add_module(f"posterior_trunks_{layer}", trunk(item, *above, context))
            self.add_module(f"posterior_heads_{layer}", gaussian_head(h.width, latent))
            self.add_module(f"prior_trunks_{layer}", trunk(*above, context))
            self.add_module(f"prior_heads_{layer}", gaussian_head(h.width, latent))
        self.decoder = trunk(*([latent] * config.layers + [context] if config.full else [latent]))
        self.item_head = small(h.width, 2 * item)

    def context(self, x: Tensor) -> Gaussian:
        """q(c | D) of sets x [B, N, X]."""
        pooled = self.statistic["pre_pool"](x).mean(1)
        return Gaussian.of(self.context_head(self.statistic["post_pool"](pooled)))

    def latent(self, layer: int, x: Tensor, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """q(z_l | x, z_above, c)."""
        return self._gaussian("posterior", layer, x, *present(z_above), c)

    def latent_prior(self, layer: int, z_above: Tensor | None, c: Tensor) -> Gaussian:
        """p(z_l | z_above, c)."""
        prior = self._gaussian("prior", layer, *present(z_above), c)
        return prior if z_above is not None else Gaussian(*(x[:, None] for x in prior))

    def likelihood(self, zs: tuple[Tensor, ...], c: Tensor) -> Gaussian:
        """p(x | z, c), its log variance clamped."""
        inputs = (*zs, c) if self.config.full else zs[-1:]
        outputs = self.item_head(self.decoder(*inputs)).unflatten(-1, (-1, 2))
        mean, log_variance = outputs.unbind(-1)
        return Gaussian(mean, torch.clamp(log_variance, *self.log_variance_range))

    def _gaussian(self, name: str, layer: int, *inputs: Tensor) -> Gaussian:
        trunk = self.get_submodule(f"{name}_trunks_{layer}")
        return Gaussian.of(self.get_submodule(f"{name}_heads_{layer}")(trunk(*inputs)))
