"""Networks of q(a | D): which constant mask of a support a set has (thesis 6.1.2, 6.4.3)."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.config import require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.sizes import Sizes
from cal_jax.models.context_aware.posteriors import Evidence
from cal_jax.nn import label
from cal_jax.nn.experts import each_expert


@dataclass(frozen=True)
class LabelPosterior(abc.ABC):
    """A network from the items of a set to logits of M constant masks."""

    needs_item_experts: ClassVar[bool] = False
    """Whether the network reads one expert an item, see ``ContextPosterior``."""

    num_labels: int = 2
    """M, the masks of the support."""

    def __post_init__(self) -> None:
        require_at_least(self, num_labels=1)

    @abc.abstractmethod
    def network(self, sizes: Sizes) -> nn.Module:
        """The Flax module; called as ``network(read [N, F], ctx)``, it gives logits [M]."""

    def read(self, evidence: Evidence, told: Sequence[Array]) -> Array:
        """What the network reads of N items: [N, F].

        Args:
          evidence: of the items.
          told: what the contexts' actions tell of each item, [N, T] each.
        """
        return jnp.concatenate([evidence.features, *told], axis=-1)


@dataclass(frozen=True)
class PooledLabels(LabelPosterior):
    """A network of each item, a mean over items, and a network of the set (thesis 6.4.3)."""

    pre_width: int = 512
    """Units of the layers before pooling."""
    post_width: int = 128
    """Units of those after pooling."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, pre_width=1, post_width=1)

    def network(self, sizes: Sizes) -> nn.Module:
        items, of_set = map(sizes.hidden.of_width, (self.pre_width, self.post_width))
        return label.LabelNetwork(self.num_labels, items, of_set)


@dataclass(frozen=True)
class RelationalLabels(LabelPosterior):
    """Attention between items before pooling (thesis 7.2.1)."""

    width: int = 256
    heads: int = 4
    """They divide the width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, width=1, heads=1)
        if self.width % self.heads:
            raise InputError(f"heads must divide width {self.width}: got {self.heads}")

    def network(self, sizes: Sizes) -> nn.Module:
        hidden = sizes.hidden.of_width(self.width)
        return label.RelationalLabelNetwork(self.num_labels, hidden, self.heads)


@dataclass(frozen=True)
class ScatterLabels(LabelPosterior):
    """The scatter of every context's posterior means within the set, and a network of these.

    A context whose posteriors of single items agree is probably constant. The network reads the
    contexts and does not move them: no gradient passes to the posteriors.
    """

    needs_item_experts: ClassVar[bool] = True

    width: int = 32
    """Units of the network's layers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, width=1)

    def network(self, sizes: Sizes) -> nn.Module:
        hidden = sizes.hidden.of_width(self.width)
        return label.ScatterLabelNetwork(self.num_labels, hidden, sizes.contexts)

    def read(self, evidence: Evidence, told: Sequence[Array]) -> Array:
        assert evidence.experts is not None
        means = each_expert(evidence.experts).mean
        return jax.lax.stop_gradient(means.reshape(len(means), -1))
