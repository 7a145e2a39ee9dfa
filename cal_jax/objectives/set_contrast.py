"""What the sets of a batch say of one context: which set an item is in, or nothing of it.

Both look at the belief that each item alone gives rise to, the mean of its varying
posterior, and at which set the item is in; neither sees the value of a factor.
Shape letters: B sets, N items, C dimensions of one context.
"""

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError

BANDWIDTHS = (1.0, 4.0, 16.0)
"""Squared lengths of the kernels of ``set_dependence``, for posteriors near N(0, I)."""


def set_contrast(posterior_means: Array, is_constant: Array) -> Array:
    """How hard it is to tell which set an item is in by its belief alone.

    InfoNCE (van den Oord et al. 2018; with sets for classes, Khosla et al. 2020): the
    cross-entropy of each item's own set among all the sets in which the context is
    constant, under a Gaussian of variance 1 about each set's mean belief, the item itself
    left out of its own. Two sets that share a value cannot be told apart, so it does not
    reach 0; a context that says nothing costs the logarithm of the number of such sets.

    Args:
      posterior_means: [B, N, C], N of at least 2.
      is_constant: [B], 1 where the context is constant in the set and 0 where it varies;
        between them where that is not known: how much the set counts for the others.

    Returns:
      [B]: nats, summed over the items of each set, as if the context were constant in it.

    Raises:
      InputError: sets of one item.
    """
    num_sets, num_items, _ = posterior_means.shape
    if num_items < 2:
        raise InputError("a contrast between sets needs at least 2 items in each: got 1")
    total = jnp.sum(posterior_means, axis=1)
    of_the_others = (total[:, None] - posterior_means) / (num_items - 1)
    own = -0.5 * _squared_distance(posterior_means, of_the_others)
    to_each = -0.5 * _squared_distance(posterior_means[:, :, None], total[None, None] / num_items)
    is_own = jnp.eye(num_sets, dtype=bool)[:, None]
    to_each = to_each + jnp.log(is_constant)[None, None]
    logits = jnp.where(is_own, own[..., None], to_each)
    return jnp.sum(jax.nn.logsumexp(logits, axis=-1) - own, axis=1)


def set_dependence(posterior_means: Array, varies: Array) -> Array:
    """How much a varying context's belief depends on which set an item is in.

    The squared maximum mean discrepancy (Gretton et al. 2012) between pairs of items of
    one set and pairs of items of two sets, without bias: on average 0 where a varying
    context is independent of everything that the items of a set share, as the prior
    says that it is. A mean of Gaussian kernels.

    Args:
      posterior_means: [B, N, C], N of at least 2.
      varies: [B], 1 where the context varies in the set and 0 where it is constant;
        between them as in ``set_contrast``.

    Returns:
      [B]: between -N and N, N times each set's discrepancy, as if the context varied in it.

    Raises:
      InputError: sets of one item.
    """
    num_sets, num_items, dim = posterior_means.shape
    if num_items < 2:
        raise InputError("the dependence on sets needs at least 2 items in each: got 1")
    rows = posterior_means.reshape(num_sets * num_items, dim)
    distance = _squared_distance(rows[:, None], rows[None])
    kernel = sum(jnp.exp(-distance / (2.0 * width)) for width in BANDWIDTHS) / len(BANDWIDTHS)
    shape = (num_sets, num_items, num_sets, num_items)
    between = jnp.sum(jnp.reshape(kernel, shape), axis=(1, 3))
    within = (jnp.diag(between) - num_items) / (num_items * (num_items - 1))
    pairs = varies[:, None] * varies[None] * (1.0 - jnp.eye(num_sets))
    across = jnp.sum(pairs * between) / num_items**2 / jnp.maximum(jnp.sum(pairs), 1.0)
    return num_items * (within - across)


def _squared_distance(a: Array, b: Array) -> Array:
    shape = jnp.broadcast_shapes(a.shape, b.shape)
    return jnp.sum((jnp.broadcast_to(a, shape) - jnp.broadcast_to(b, shape)) ** 2, axis=-1)
