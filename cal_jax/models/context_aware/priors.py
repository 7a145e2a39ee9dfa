"""Priors p(c | a), p(c | c_Ac, a) and p(z | c) (thesis (6.2)-(6.4)), and their conditions."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least, require_one_of
from cal_jax.distributions import (
    Distribution,
    coupling_flow,
    diagonal_gaussian,
    gaussian_mixture,
    standard_gaussian,
)
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import GaussianHead
from cal_jax.nn.dense import LearnedGaussian as GaussianParametersLayer
from cal_jax.nn.priors import CouplingLayers, MixturePrior

Sees = Literal["nothing", "mask", "constants", "contexts"]
"""The conditions of a prior: none; the constant mask a; the constant contexts and a (6.4);
or, for z, all of an item's contexts (6.2)."""

Networks = Mapping[str, nn.Module]
"""Of one component, by name."""


@dataclass(frozen=True)
class Prior(abc.ABC):
    """A prior of K contexts, or of z."""

    sees = "nothing"

    def networks(self, shape: tuple[int, ...], sizes: Sizes) -> Networks:
        """The Flax modules of a prior of vectors of shape [K, C], or [Z]."""
        del shape, sizes
        return {}

    @abc.abstractmethod
    def __call__(
        self, networks: Networks, shape: tuple[int, ...], ctx: ApplyContext, *seen: Array
    ) -> Distribution:
        """The prior given its conditions: [F_i], or [N, F_i] for N items.

        Returns:
          Batch [K], or [N] of z; event [C], or [Z].
        """


@dataclass(frozen=True)
class Standard(Prior):
    """N(0, I)."""

    def __call__(
        self, networks: Networks, shape: tuple[int, ...], ctx: ApplyContext, *seen: Array
    ) -> Distribution:
        return standard_gaussian(shape)


@dataclass(frozen=True)
class _Learned(Prior):
    """A prior with parameters that one subnetwork computes from its conditions."""

    sees: Sees = "nothing"

    def __post_init__(self) -> None:
        require_one_of(self, sees=Sees)

    def _trunk(self, sizes: Sizes) -> dict[str, nn.Module]:
        return {} if self.sees == "nothing" else {"trunk": sizes.mlp()}

    def _features(self, networks: Networks, ctx: ApplyContext, seen: tuple[Array, ...]) -> Any:
        """The subnetwork's features of the conditions: () or one array."""
        return (networks["trunk"](ctx, *seen),) if seen else ()


@dataclass(frozen=True)
class LearnedGaussian(_Learned):
    """A Gaussian with learned moments, N(0, I) before training (6.2)-(6.4)."""

    def networks(self, shape: tuple[int, ...], sizes: Sizes) -> Networks:
        if self.sees == "nothing":
            return {"parameters": GaussianParametersLayer(shape)}
        return {**self._trunk(sizes), "head": GaussianHead(shape)}

    def __call__(
        self, networks: Networks, shape: tuple[int, ...], ctx: ApplyContext, *seen: Array
    ) -> Distribution:
        if not seen:
            return diagonal_gaussian(*networks["parameters"]())
        return diagonal_gaussian(*networks["head"](*self._features(networks, ctx, seen)))


@dataclass(frozen=True)
class Mixture(_Learned):
    """A mixture of Gaussians for each context."""

    components: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, components=1)

    def networks(self, shape: tuple[int, ...], sizes: Sizes) -> Networks:
        return {**self._trunk(sizes), "mixture": MixturePrior(shape, self.components)}

    def __call__(
        self, networks: Networks, shape: tuple[int, ...], ctx: ApplyContext, *seen: Array
    ) -> Distribution:
        return gaussian_mixture(*networks["mixture"](*self._features(networks, ctx, seen)))


@dataclass(frozen=True)
class CouplingFlow(_Learned):
    """N(0, I) through affine coupling layers for each context."""

    layers: int = 4
    width: int = 128
    """Hidden units of each layer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, layers=1, width=1)

    def networks(self, shape: tuple[int, ...], sizes: Sizes) -> Networks:
        return {**self._trunk(sizes), "flow": CouplingLayers(shape, self.layers, self.width)}

    def __call__(
        self, networks: Networks, shape: tuple[int, ...], ctx: ApplyContext, *seen: Array
    ) -> Distribution:
        return coupling_flow(*networks["flow"](*self._features(networks, ctx, seen)))
