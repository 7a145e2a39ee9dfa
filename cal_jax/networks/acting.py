"""What a context that acts says of its action: of an angle, or of a sign."""

import flax.linen as nn
from jax import Array

from cal_jax.networks.dense import START_SMALL, Linear, ResidualMLP
from cal_jax.networks.normalisation import Norm
from cal_jax.networks.passes import Pass


class ActionNetwork(nn.Module):
    """A residual MLP whose outputs start near 0: it says nothing of the action, at first."""

    outputs: int
    width: int
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True

    @nn.compact
    def __call__(self, run: Pass, context: Array) -> Array:
        """Map contexts [N, C] to [N, outputs]."""
        x = ResidualMLP(self.width, self.depth, self.norm, self.skip)(run, context)
        return Linear(self.outputs, kernel_init=START_SMALL)(x)
