"""Products of Gaussian experts: one factor for each item and context.

With a base factor N(0, I) the product of experts over any number of items is a
Gaussian in closed form, and so is one expert alone: the two posteriors of one
context, constant and varying, can come from the same experts (Hinton 2002;
Wu & Goodman 2018). Shape letters: ``cal_jax.axes``.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.dense import GaussianHead, GaussianParameters, ResidualMLP
from cal_jax.nn.hidden import Hidden


class Experts(NamedTuple):
    """Unnormalised Gaussian factors, one for each item and context."""

    mean: Array
    """[N, K, C]"""
    precision: Array
    """[N, K, C]: above 0; near 0 an item gives no evidence about a context."""


class ExpertNetwork(nn.Module):
    """A residual MLP from an item's features to its expert on every context, or a linear layer.

    The precision is a softplus: with a ReLU, an expert at 0 would get no gradient
    and its context would stay unused.
    """

    contexts: tuple[int, int]
    """(K, C)"""
    hidden: Hidden | None
    """Of the MLP; None: experts are linear in the features."""

    @nn.compact
    def __call__(self, h: Array, ctx: ApplyContext) -> Experts:
        """Map items h [N, F] to their experts."""
        if self.hidden is not None:
            h = ResidualMLP(self.hidden, name="trunk")(ctx, h)
        mean, raw = GaussianHead(self.contexts, name="head")(h)
        return Experts(mean, jax.nn.softplus(raw))


def replace_context(experts: Experts, context: int, mean: Array, precision: Array) -> Experts:
    """Replace the experts on one context by experts on its first D dimensions.

    Args:
      experts: of N items.
      context: its index.
      mean: [N, D], of the first D dimensions; the others get precision 0.
      precision: [N, 1] or [1, 1], shared by the D dimensions.
    """
    num_items, _, dim = experts.mean.shape
    silent = jnp.zeros((num_items, dim - mean.shape[-1]))
    mean, precision = (
        jnp.concatenate([said, silent], axis=-1)
        for said in (mean, jnp.broadcast_to(precision, mean.shape))
    )
    return Experts(
        experts.mean.at[:, context].set(mean), experts.precision.at[:, context].set(precision)
    )


def product_of_experts(experts: Experts, mask: Array | None) -> GaussianParameters:
    """The normalised product of N(0, I) and the experts of items that count: [K, C] each.

    It is N(0, I) without items.

    Args:
      experts: of N items.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
    """
    mean, precision = experts
    if mask is not None:
        counts = (mask > 0)[:, None, None]
        mean, precision = jnp.where(counts, mean, 0.0), jnp.where(counts, precision, 0.0)
    return _normalised(jnp.sum(precision, axis=0), jnp.sum(precision * mean, axis=0))


def each_expert(experts: Experts) -> GaussianParameters:
    """The normalised product of N(0, I) and one expert, for every item: [N, K, C] each."""
    return _normalised(experts.precision, experts.precision * experts.mean)


def _normalised(precision: Array, pull: Array) -> GaussianParameters:
    """N(0, I) times a Gaussian factor, given by its precision and precision-weighted mean."""
    return GaussianParameters(pull / (1.0 + precision), -jnp.log1p(precision))
