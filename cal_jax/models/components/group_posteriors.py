"""Posteriors q(c | D) of the single context of a group of items."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least
from cal_jax.distributions import Distribution, diagonal_gaussian
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import GaussianHead, GaussianParameters
from cal_jax.nn.group_posteriors import mean_of_gaussians, product_of_gaussians
from cal_jax.nn.statistic import StatisticNetwork


@dataclass(frozen=True)
class GroupPosterior(abc.ABC):
    """The approximate posterior of a group's context, a diagonal Gaussian."""

    width: int = 128
    """Units of each layer of its network; of ``GroupStatistic``, before and after pooling."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1)

    def networks(self, sizes: Sizes) -> Mapping[str, nn.Module]:
        """The Flax modules, by name."""
        return {"trunk": self._trunk(sizes), "head": GaussianHead((sizes.context_dim,))}

    @abc.abstractmethod
    def __call__(
        self, networks: Mapping[str, nn.Module], features: Array, ctx: ApplyContext
    ) -> Distribution:
        """q(c | D) of the items with features [N, F] that ``ctx.mask`` counts: event [C]."""

    @abc.abstractmethod
    def _trunk(self, sizes: Sizes) -> nn.Module:
        """The network below the Gaussian head."""


@dataclass(frozen=True)
class GroupStatistic(GroupPosterior):
    """A statistic network, the mean over the items inside it: the neural statistician's (5.1)."""

    def __call__(
        self, networks: Mapping[str, nn.Module], features: Array, ctx: ApplyContext
    ) -> Distribution:
        return diagonal_gaussian(*networks["head"](networks["trunk"](features, ctx)))

    def _trunk(self, sizes: Sizes) -> nn.Module:
        return StatisticNetwork(sizes.hidden.of_width(self.width))


@dataclass(frozen=True)
class _OfItemGaussians(GroupPosterior):
    """A Gaussian for each item, pooled into one for the group."""

    def __call__(
        self, networks: Mapping[str, nn.Module], features: Array, ctx: ApplyContext
    ) -> Distribution:
        items = networks["head"](networks["trunk"](ctx, features))
        return diagonal_gaussian(*self._pooled(items, ctx.mask))

    def _trunk(self, sizes: Sizes) -> nn.Module:
        return sizes.mlp(self.width)

    @abc.abstractmethod
    def _pooled(self, items: GaussianParameters, mask: Array | None) -> GaussianParameters:
        """The group's Gaussian [C] from those of its items [N, C]."""


@dataclass(frozen=True)
class GroupProduct(_OfItemGaussians):
    """The product of a Gaussian of each item: ML-VAE (Bouchacourt, Tomioka & Nowozin 2018)."""

    def _pooled(self, items: GaussianParameters, mask: Array | None) -> GaussianParameters:
        return product_of_gaussians(items, mask)


@dataclass(frozen=True)
class GroupMean(_OfItemGaussians):
    """The mean of the items' means and that of their variances: GVAE (Hosoya 2019)."""

    def _pooled(self, items: GaussianParameters, mask: Array | None) -> GaussianParameters:
        return mean_of_gaussians(items, mask)


# The posteriors that a configuration may name: a line here makes one known to files and flags.
AnyGroupPosterior = GroupStatistic | GroupProduct | GroupMean
