"""Width, depth and options of a fully connected subnetwork."""

from dataclasses import dataclass, replace

from cal_jax.config import require_at_least, require_one_of
from cal_jax.nn.activation import Activation
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

    def of_width(self, width: int) -> "Hidden":
        """The same with so many units a layer."""
        return replace(self, width=width)
