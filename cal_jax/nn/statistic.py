"""The statistic network: an order-invariant summary of a set."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import ResidualMLP
from cal_jax.nn.hidden import Hidden


def mean_pool(x: Array, mask: Array | None) -> Array:
    """Mean of x [N, F] over the items that count -> [F]; zeros for an empty set."""
    if mask is None:
        return jnp.mean(x, axis=0)
    counts = (mask > 0)[:, None]
    total = jnp.sum(jnp.where(counts, x, 0.0), axis=0)
    return total / jnp.maximum(jnp.sum(counts), 1)


class StatisticNetwork(nn.Module):
    """Pre-pooling network, mean over the items, post-pooling network (thesis 5.1, 6.4.1)."""

    hidden: Hidden

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Array:
        """Map items h [N, F] to one statistic [width]."""
        items = ResidualMLP(self.hidden, name="pre_pool")(ctx, h)
        pooled = mean_pool(items, ctx.mask)
        return ResidualMLP(self.hidden, name="post_pool")(ctx.of_the_set(), pooled)
