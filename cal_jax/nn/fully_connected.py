"""A fully connected encoder and decoder of images, fast on a CPU."""

import math

import flax.linen as nn
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense


class DenseEncoder(nn.Module):
    """A residual MLP over an image's pixels, or over features of them."""

    hidden: Hidden

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Map x [N, *X] to features [N, width]."""
        return ResidualMLP(self.hidden)(ctx, x.reshape(x.shape[0], -1))


class DenseDecoder(nn.Module):
    """A residual MLP to outputs of a given shape, such as one logit a pixel."""

    shape: tuple[int, ...]
    hidden: Hidden

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to outputs [N, *shape]."""
        x = ResidualMLP(self.hidden)(ctx, *inputs)
        outputs = Dense(math.prod(self.shape), kernel_init=nn.initializers.glorot_normal())(x)
        return outputs.reshape(-1, *self.shape)
