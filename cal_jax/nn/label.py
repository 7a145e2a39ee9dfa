"""The label network q(a | D), invariant to the order of a set's items."""

import flax.linen as nn
from jax import Array

from cal_jax.nn.activation import Activation
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.attention import RelationalStatisticNetwork
from cal_jax.nn.dense import START_SMALL, ResidualMLP
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import Norm
from cal_jax.nn.statistic import mean_pool


class LabelNetwork(nn.Module):
    """Network of each item, mean over items, network of the set, logits (thesis 6.4.3).

    Small initial weights of the last layer make the labels about equally likely.
    """

    num_labels: int
    pre_width: int = 512
    post_width: int = 128
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to logits [num_labels] of q(a | D)."""
        pre_pool = ResidualMLP(
            self.pre_width, self.depth, self.norm, self.skip, self.activation, name="pre_pool"
        )
        pooled = mean_pool(pre_pool(ctx, h), ctx.mask)
        post_pool = ResidualMLP(
            self.post_width, self.depth, self.norm, self.skip, self.activation, name="post_pool"
        )
        hidden = post_pool(ctx.of_the_set(), pooled)
        return Dense(self.num_labels, kernel_init=START_SMALL, name="logits")(hidden)


class RelationalLabelNetwork(nn.Module):
    """``LabelNetwork`` with attention between items before the mean (thesis 7.2.1)."""

    num_labels: int
    width: int = 256
    heads: int = 4
    depth: int = 3
    norm: Norm = "batch"
    skip: bool = True
    activation: Activation = "relu"

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to logits [num_labels] of q(a | D)."""
        statistic = RelationalStatisticNetwork(
            self.width,
            self.depth,
            self.heads,
            self.norm,
            self.skip,
            self.activation,
            name="statistic",
        )
        logits = Dense(self.num_labels, kernel_init=START_SMALL, name="logits")
        return logits(statistic(h, ctx))
