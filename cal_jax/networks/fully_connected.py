"""A fully connected encoder and decoder of images: the quick choice on a CPU."""

import flax.linen as nn
from jax import Array

from cal_jax.networks.dense import Linear, ResidualMLP
from cal_jax.networks.normalisation import Norm
from cal_jax.networks.passes import Pass


class DenseEncoder(nn.Module):
    """A residual MLP over the pixels."""

    width: int
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True

    @nn.compact
    def __call__(self, x: Array, run: Pass) -> Array:
        """Map images x [N, H, W] to features [N, width]."""
        mlp = ResidualMLP(self.width, self.depth, self.norm, self.skip)
        return mlp(run, x.reshape(x.shape[0], -1))


class DenseDecoder(nn.Module):
    """A residual MLP to one logit a pixel."""

    image_size: int
    width: int
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True

    @nn.compact
    def __call__(self, run: Pass, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to Bernoulli logits [N, H, W]."""
        x = ResidualMLP(self.width, self.depth, self.norm, self.skip)(run, *inputs)
        logits = Linear(self.image_size**2, kernel_init=nn.initializers.glorot_normal())(x)
        return logits.reshape(-1, self.image_size, self.image_size)
