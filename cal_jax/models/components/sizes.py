"""Dimensions shared by the components of a model."""

from dataclasses import dataclass, field
from typing import Any

from cal_jax.config import require_at_least, require_one_of
from cal_jax.nn.activation import Activation
from cal_jax.nn.dense import ResidualMLP
from cal_jax.nn.norm import Norm


@dataclass(frozen=True)
class Hidden:
    """The fully connected subnetworks of a model; the defaults are thesis 6.4.1's."""

    width: int = 128
    """Units of each layer in the networks of varying contexts, of z and of priors."""
    depth: int = 3
    """Hidden layers of every subnetwork."""
    norm: Norm = "batch"
    """batch (thesis), layer, weight (7.2.3) or none."""
    skip: bool = True
    """Skip connections between the first and last hidden layers."""
    activation: Activation = "relu"
    """relu (thesis), or selu (3.4.2)."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1, depth=1)
        require_one_of(self, norm=Norm, activation=Activation)

    @property
    def options(self) -> dict[str, Any]:
        """The options of every fully connected subnetwork except its width."""
        names = ("depth", "norm", "skip", "activation")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Sizes:
    """K contexts of C dimensions, Z latent dimensions, items [*X]."""

    num_contexts: int
    """K."""
    context_dim: int
    """C, of each context."""
    latent_dim: int
    """Z."""
    event_shape: tuple[int, ...]
    """X, the shape of an item."""
    hidden: Hidden = field(default_factory=Hidden)

    @property
    def contexts(self) -> tuple[int, int]:
        """(K, C)."""
        return self.num_contexts, self.context_dim

    def mlp(self, width: int | None = None) -> ResidualMLP:
        """A fully connected subnetwork, by default with ``hidden.width`` units a layer."""
        return ResidualMLP(width or self.hidden.width, **self.hidden.options)
