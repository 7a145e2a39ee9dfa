"""A statistic network with attention between items before pooling."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.activation import activate
from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.layers import Dense
from cal_jax.nn.norm import normalisation
from cal_jax.nn.statistic import mean_pool


class Attention(nn.Module):
    """Multi-head attention of each item over the items that count (Vaswani et al. 2017)."""

    heads: int = 4

    @nn.compact
    def __call__(self, items: Array, mask: Array | None) -> Array:
        """Map items [N, F] to [N, F]; F is a multiple of ``heads``."""
        num_items, width = items.shape
        query, key, value = (
            Dense(width, use_bias=False, name=name)(items).reshape(num_items, self.heads, -1)
            for name in ("query", "key", "value")
        )
        allowed = None
        if mask is not None:
            shape = (1, 1, num_items, num_items)
            allowed = jnp.broadcast_to((mask > 0)[None, None, None], shape)
        gathered = jax.nn.dot_product_attention(query, key, value, mask=allowed)
        return Dense(width, use_bias=False, name="output")(gathered.reshape(num_items, width))


class RelationalStatisticNetwork(nn.Module):
    """The statistic network with relations between items before the mean (thesis 7.2.1).

    Pairwise comparisons, as in Santoro et al. 2017, let the statistic depend on
    relations between items. The mean over items keeps it independent of their order.
    """

    hidden: Hidden
    heads: int = 4

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to one statistic [width]."""
        norm, activation = self.hidden.norm, self.hidden.activation
        items = ResidualMLP(self.hidden, name="pre_pool")(ctx, h)
        related = items + Attention(self.heads, name="relations")(items, ctx.mask)
        related = activate(activation, normalisation(norm)(related, ctx))
        post_pool = ResidualMLP(self.hidden, name="post_pool")
        return post_pool(ctx.of_the_set(), mean_pool(related, ctx.mask))
