"""Dimensions shared by the components of a model."""

from dataclasses import dataclass, field

from cal_jax.nn.dense import ResidualMLP
from cal_jax.nn.hidden import Hidden


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
        return ResidualMLP(self.hidden.of_width(width or self.hidden.width))
