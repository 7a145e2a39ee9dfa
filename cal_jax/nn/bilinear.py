"""A decoder with products of its inputs: style times content, beside a residual MLP."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import START_SMALL, Embedding, ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense


class BilinearDecoder(nn.Module):
    """A residual MLP's outputs plus sum_e g_e (W_e v + b_e), to outputs of a given shape.

    The gate g [E] is a softmax of the MLP's last layer, the factors v are linear in the inputs.
    With a gate that chooses one e for each content, this is the asymmetric bilinear model of
    style and content (Tenenbaum & Freeman 2000); as a network, a mixture of linear experts
    (Jacobs et al. 1991).
    """

    shape: tuple[int, ...]
    hidden: Hidden
    gates: int
    factors: int

    @nn.compact
    def __call__(self, ctx: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to outputs [N, *shape]."""
        size = math.prod(self.shape)
        x = ResidualMLP(self.hidden)(ctx, *inputs)
        outputs = Dense(size, kernel_init=nn.initializers.glorot_normal(), name="outputs")(x)
        gate = jax.nn.softmax(Dense(self.gates, name="gate")(x))
        factors = Embedding(self.factors, name="factors")(*inputs)
        affine = jnp.concatenate([factors, jnp.ones((len(factors), 1))], axis=-1)
        products = (gate[:, :, None] * affine[:, None, :]).reshape(len(x), -1)
        bilinear = Dense(size, use_bias=False, kernel_init=START_SMALL, name="products")
        return (outputs + bilinear(products)).reshape(-1, *self.shape)
