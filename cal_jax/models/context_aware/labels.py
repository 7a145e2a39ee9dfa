"""Networks of q(a | D): which constant mask of a support a set has (thesis 6.1.2, 6.4.3)."""

import abc
from dataclasses import dataclass

import flax.linen as nn

from cal_jax.config import require_at_least
from cal_jax.errors import InputError
from cal_jax.models.components.sizes import Sizes
from cal_jax.nn import label


@dataclass(frozen=True)
class LabelPosterior(abc.ABC):
    """A network from the items of a set to logits of M constant masks."""

    num_labels: int = 2
    """M, the masks of the support."""

    def __post_init__(self) -> None:
        require_at_least(self, num_labels=1)

    @abc.abstractmethod
    def network(self, sizes: Sizes) -> nn.Module:
        """The Flax module; called as ``network(h [N, F], ctx)``, it gives logits [M]."""


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
