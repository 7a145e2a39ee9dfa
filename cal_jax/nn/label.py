"""The label network q(a | D), invariant to the order of a set's items."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.attention import RelationalStatisticNetwork
from cal_jax.nn.dense import START_SMALL, ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense
from cal_jax.nn.statistic import mean_pool

TINY = 1e-6
"""Added to a scatter before its logarithm: a set with one item has none."""


class LabelNetwork(nn.Module):
    """Network of each item, mean over items, network of the set, logits (thesis 6.4.3).

    Small initial weights of the last layer make the labels about equally likely.
    """

    num_labels: int
    items: Hidden
    """Of the network of each item."""
    of_set: Hidden
    """Of the network of the set."""

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to logits [num_labels] of q(a | D)."""
        items = ResidualMLP(self.items, name="pre_pool")(ctx, h)
        pooled = mean_pool(items, ctx.mask)
        hidden = ResidualMLP(self.of_set, name="post_pool")(ctx.of_the_set(), pooled)
        return Dense(self.num_labels, kernel_init=START_SMALL, name="logits")(hidden)


class RelationalLabelNetwork(nn.Module):
    """``LabelNetwork`` with attention between items before the mean (thesis 7.2.1)."""

    num_labels: int
    hidden: Hidden
    heads: int = 4

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to logits [num_labels] of q(a | D)."""
        statistic = RelationalStatisticNetwork(self.hidden, self.heads, name="statistic")
        logits = Dense(self.num_labels, kernel_init=START_SMALL, name="logits")
        return logits(statistic(h, ctx))


class ScatterLabelNetwork(nn.Module):
    """The logarithm of every context's scatter within the set, network of these, logits.

    The scatter of a context is the mean squared distance of its items from their mean.
    """

    num_labels: int
    hidden: Hidden
    contexts: tuple[int, int]
    """(K, C)"""

    @nn.compact
    def __call__(self, means: Array, ctx: ApplyContext) -> Array:
        """Map posterior means [N, K C] of the items to logits [num_labels] of q(a | D)."""
        apart = means - mean_pool(means, ctx.mask)[None]
        squared = jnp.sum(apart.reshape(-1, *self.contexts) ** 2, axis=-1)
        scatter = jnp.log(mean_pool(squared, ctx.mask) + TINY)
        hidden = ResidualMLP(self.hidden, name="of_scatter")(ctx.of_the_set(), scatter)
        return Dense(self.num_labels, kernel_init=START_SMALL, name="logits")(hidden)
