"""Posteriors of contexts: q(c_k | a, D) of the constant, q(c_k^n | c_Ac, a, x_n) of the varying.

A posterior is one class, with its networks and both distributions. Shape letters:
``cal_jax.axes``.
"""

import abc
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import flax.linen as nn
from jax import Array

from cal_jax.config import require_at_least, require_one_of
from cal_jax.distributions import (
    Distribution,
    coupling_flow,
    diagonal_gaussian,
    triangular_gaussian,
)
from cal_jax.errors import InputError
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.context_aware.priors import Networks
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.attention import RelationalStatisticNetwork
from cal_jax.nn.dense import GaussianHead, TriangularGaussianHead
from cal_jax.nn.experts import ExpertNetwork, each_expert, product_of_experts
from cal_jax.nn.experts import Experts as ItemExperts
from cal_jax.nn.priors import CouplingLayers
from cal_jax.nn.statistic import StatisticNetwork

Covariance = Literal["diagonal", "full"]


class Evidence(NamedTuple):
    """The evidence of a set's items about its contexts."""

    features: Array
    """[N, F]"""
    experts: ItemExperts | None = None
    """A Gaussian factor for each item and context; None for posteriors without experts."""


@dataclass(frozen=True)
class ContextPosterior(abc.ABC):
    """The approximate posterior of K contexts, constant and varying."""

    has_item_experts: ClassVar[bool] = False
    """Whether both posteriors use one expert an item, as known actions require: an angle or a
    sign is estimated from one item."""

    @abc.abstractmethod
    def networks(self, sizes: Sizes) -> Networks:
        """The Flax modules, by name."""

    def evidence(self, networks: Networks, features: Array, ctx: ApplyContext) -> Evidence:
        """The evidence of items with features [N, F]."""
        return Evidence(features)

    @abc.abstractmethod
    def constant(self, networks: Networks, evidence: Evidence, ctx: ApplyContext) -> Distribution:
        """q(c_k | a, D) with every context constant: batch [K], event [C].

        It pools the items that ``ctx.mask`` counts.
        """

    @abc.abstractmethod
    def varying(
        self,
        networks: Networks,
        evidence: Evidence,
        constants: Array,
        a: Array,
        ctx: ApplyContext,
    ) -> Distribution:
        """q(c_k^n | c_Ac, a, x_n): constants [K, C], a [K]; batch [N, K], event [C]."""


@dataclass(frozen=True)
class _Pooled(ContextPosterior):
    """A set statistic for constant contexts, a network of each item for varying ones."""

    width: int = 256
    """Units of the three layers before and the three after pooling."""
    covariance: Covariance = "diagonal"
    """diagonal, or full (7.2.4.1)."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1)
        require_one_of(self, covariance=Covariance)

    def networks(self, sizes: Sizes) -> Networks:
        return {
            "statistic": self._statistic(sizes),
            "constant_head": _gaussian_head(self.covariance, sizes),
            "varying_trunk": sizes.mlp(),
            "varying_head": _gaussian_head(self.covariance, sizes),
        }

    def constant(self, networks: Networks, evidence: Evidence, ctx: ApplyContext) -> Distribution:
        statistic = networks["statistic"](evidence.features, ctx)
        return _gaussian(self.covariance, networks["constant_head"], statistic)

    def varying(
        self, networks: Networks, evidence: Evidence, constants: Array, a: Array, ctx: ApplyContext
    ) -> Distribution:
        item = networks["varying_trunk"](ctx, evidence.features, constants.reshape(-1), a)
        return _gaussian(self.covariance, networks["varying_head"], item)

    @abc.abstractmethod
    def _statistic(self, sizes: Sizes) -> nn.Module:
        """The network that pools the items: [N, F] -> [width]."""


@dataclass(frozen=True)
class Statistic(_Pooled):
    """A statistic network, the mean over the items inside it (thesis 5.1, 6.3.1)."""

    def _statistic(self, sizes: Sizes) -> nn.Module:
        return StatisticNetwork(sizes.hidden.of_width(self.width))


@dataclass(frozen=True)
class Attention(_Pooled):
    """``Statistic`` with attention between items before pooling (7.2.1)."""

    heads: int = 4
    """They divide the width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, heads=1)
        if self.width % self.heads:
            raise InputError(f"heads must divide width {self.width}: got {self.heads}")

    def _statistic(self, sizes: Sizes) -> nn.Module:
        return RelationalStatisticNetwork(sizes.hidden.of_width(self.width), self.heads)


@dataclass(frozen=True)
class _ProductOfExperts(ContextPosterior):
    """The product of N(0, I) and one Gaussian expert for each item (decision 36)."""

    width: int = 256
    """Units of the expert network; 0: experts are linear in the encoder's features."""

    def __post_init__(self) -> None:
        require_at_least(self, width=0)

    def networks(self, sizes: Sizes) -> Networks:
        hidden = sizes.hidden.of_width(self.width) if self.width else None
        return {"experts": ExpertNetwork(sizes.contexts, hidden)}

    def evidence(self, networks: Networks, features: Array, ctx: ApplyContext) -> Evidence:
        return Evidence(features, networks["experts"](features, ctx))

    def constant(self, networks: Networks, evidence: Evidence, ctx: ApplyContext) -> Distribution:
        assert evidence.experts is not None
        return diagonal_gaussian(*product_of_experts(evidence.experts, ctx.mask))


@dataclass(frozen=True)
class Experts(_ProductOfExperts):
    """Experts for constant contexts; varying ones depend on the item and the constant contexts."""

    def networks(self, sizes: Sizes) -> Networks:
        return {
            **super().networks(sizes),
            "varying_trunk": sizes.mlp(),
            "varying_head": GaussianHead(sizes.contexts),
        }

    def varying(
        self, networks: Networks, evidence: Evidence, constants: Array, a: Array, ctx: ApplyContext
    ) -> Distribution:
        item = networks["varying_trunk"](ctx, evidence.features, constants.reshape(-1), a)
        return diagonal_gaussian(*networks["varying_head"](item))


@dataclass(frozen=True)
class SharedExperts(_ProductOfExperts):
    """Experts for both: the varying posterior is N(0, I) times the same expert of one item.

    Both posteriors of a context share all parameters; varying contexts do not depend on
    constant ones.
    """

    has_item_experts: ClassVar[bool] = True

    def varying(
        self, networks: Networks, evidence: Evidence, constants: Array, a: Array, ctx: ApplyContext
    ) -> Distribution:
        assert evidence.experts is not None
        return diagonal_gaussian(*each_expert(evidence.experts))


@dataclass(frozen=True)
class FlowPosterior(ContextPosterior):
    """A Gaussian through coupling layers, parameterised by the networks of ``Statistic`` (7.2.4.1).

    Rezende & Mohamed 2015; the layers are those of ``distributions.coupling_flow``. Its KLs are
    Monte Carlo estimates.
    """

    width: int = 256
    """Units of the statistic network's layers."""
    layers: int = 4
    """Coupling layers of each context."""
    flow_width: int = 64
    """Hidden units of each coupling layer."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1, layers=1, flow_width=1)

    def networks(self, sizes: Sizes) -> Networks:
        def flow() -> nn.Module:
            return CouplingLayers(sizes.contexts, self.layers, self.flow_width)

        return {
            **Statistic(self.width).networks(sizes),
            "constant_flow": flow(),
            "varying_flow": flow(),
        }

    def constant(self, networks: Networks, evidence: Evidence, ctx: ApplyContext) -> Distribution:
        statistic = networks["statistic"](evidence.features, ctx)
        base = diagonal_gaussian(*networks["constant_head"](statistic))
        return coupling_flow(*networks["constant_flow"](statistic), base=base)

    def varying(
        self, networks: Networks, evidence: Evidence, constants: Array, a: Array, ctx: ApplyContext
    ) -> Distribution:
        item = networks["varying_trunk"](ctx, evidence.features, constants.reshape(-1), a)
        base = diagonal_gaussian(*networks["varying_head"](item))
        return coupling_flow(*networks["varying_flow"](item), base=base)


def _gaussian_head(covariance: Covariance, sizes: Sizes) -> nn.Module:
    head = TriangularGaussianHead if covariance == "full" else GaussianHead
    return head(sizes.contexts)


def _gaussian(covariance: Covariance, head: nn.Module, features: Array) -> Distribution:
    make = triangular_gaussian if covariance == "full" else diagonal_gaussian
    return make(*head(features))
