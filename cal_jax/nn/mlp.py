"""The VAE's fully connected decoder (thesis 4.4.1)."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import MLP, Dense
from cal_jax.nn.norm import Norm


class MLPDecoder(nn.Module):
    """Hidden layers of given widths to outputs of a given shape.

    Several inputs are concatenated; a set-level input is repeated for each item.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...]
    norm: Norm = "batch"

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] or [F_i], at least one of them [N, F_i], to outputs [N, *shape]."""
        items = max(inputs, key=lambda x: x.ndim).shape[:-1]
        joined = jnp.concatenate(
            [jnp.broadcast_to(x.reshape(-1, x.shape[-1]), (*items, x.shape[-1])) for x in inputs],
            axis=-1,
        )
        hidden = MLP(self.widths, self.norm, name="hidden")(joined, ctx)
        output = Dense(
            math.prod(self.shape), kernel_init=nn.initializers.glorot_normal(), name="output"
        )
        return output(hidden).reshape(*items, *self.shape)
