"""Cross-set contrastive losses on one context's posterior means.

Both use the posterior mean given each item alone, as for a varying context, and the index of
the item's set; neither uses factor values.
Shape letters: B sets, N items, C dimensions of one context.
"""

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError

BANDWIDTHS = (1.0, 4.0, 16.0)
"""Squared lengths of the kernels of ``set_dependence``, for posteriors near N(0, I)."""


def set_contrast(posterior_means: Array, is_constant: Array, mask: Array | None = None) -> Array:
    """InfoNCE of identifying an item's set from its posterior mean.

    van den Oord et al. 2018 (with sets as classes, Khosla et al. 2020): the
    cross-entropy of each item's own set among all the sets in which the context is
    constant, under a Gaussian of variance 1 about each set's average, the item itself
    left out of its own. Two sets with one value are indistinguishable, so the loss does not
    reach 0; an uninformative context costs the logarithm of the number of such sets.

    Args:
      posterior_means: [B, N, C], N of at least 2.
      is_constant: [B], 1 where the context is constant in the set and 0 where it varies;
        between them a weight of the set, where its constant mask is inferred.
      mask: [B, N], 1 for items that count and 0 for padding; None when all count.

    Returns:
      [B]: nats, summed over the items of each set, for a context that is constant in it;
      0 of a set with one item.

    Raises:
      InputError: sets of one item.
    """
    counts, sizes = _counts(posterior_means, mask)
    num_sets = len(sizes)
    total = jnp.sum(counts[..., None] * posterior_means, axis=1)
    others = (total[:, None] - posterior_means) / jnp.maximum(sizes - 1.0, 1.0)[:, None, None]
    own = -0.5 * _squared_distance(posterior_means, others)
    averages = total / jnp.maximum(sizes, 1.0)[:, None]
    to_each = -0.5 * _squared_distance(posterior_means[:, :, None], averages[None, None])
    is_own = jnp.eye(num_sets, dtype=bool)[:, None]
    to_each = to_each + jnp.log(is_constant)[None, None]
    logits = jnp.where(is_own, own[..., None], to_each)
    nats = jnp.sum(counts * (jax.nn.logsumexp(logits, axis=-1) - own), axis=1)
    return jnp.where(sizes > 1.0, nats, 0.0)


def set_dependence(posterior_means: Array, varies: Array, mask: Array | None = None) -> Array:
    """Dependence of a varying context's posterior means on the item's set.

    The squared maximum mean discrepancy (Gretton et al. 2012) between pairs of items of
    one set and pairs of items of two sets, unbiased: on average 0 where a varying
    context is independent of everything that the items of a set share, as under the
    prior. The kernel is a mean of Gaussian kernels.

    Args:
      posterior_means: [B, N, C], N of at least 2.
      varies: [B], 1 where the context varies in the set and 0 where it is constant;
        between them as in ``set_contrast``.
      mask: [B, N], as in ``set_contrast``.

    Returns:
      [B]: between -N and N, N times each set's discrepancy, for a context that varies in it;
      0 for a set with one item.

    Raises:
      InputError: sets of one item.
    """
    counts, sizes = _counts(posterior_means, mask)
    num_sets, num_items, dim = posterior_means.shape
    rows = posterior_means.reshape(num_sets * num_items, dim)
    distance = _squared_distance(rows[:, None], rows[None])
    kernel = sum(jnp.exp(-distance / (2.0 * width)) for width in BANDWIDTHS) / len(BANDWIDTHS)
    kernel = kernel * counts.reshape(-1, 1) * counts.reshape(1, -1)
    shape = (num_sets, num_items, num_sets, num_items)
    between = jnp.sum(jnp.reshape(kernel, shape), axis=(1, 3))
    within = (jnp.diag(between) - sizes) / jnp.maximum(sizes * (sizes - 1.0), 1.0)
    pairs = varies[:, None] * varies[None] * (1.0 - jnp.eye(num_sets))
    means = between / jnp.maximum(sizes[:, None] * sizes[None], 1.0)
    across = jnp.sum(pairs * means) / jnp.maximum(jnp.sum(pairs), 1.0)
    return jnp.where(sizes > 1.0, sizes * (within - across), 0.0)


def _counts(posterior_means: Array, mask: Array | None) -> tuple[Array, Array]:
    """1 for the items that count [B, N], and their number [B]."""
    if posterior_means.shape[1] < 2:
        raise InputError("a comparison of sets needs at least 2 items in each: got 1")
    counts = jnp.ones(posterior_means.shape[:2]) if mask is None else (mask > 0).astype(jnp.float32)
    return counts, jnp.sum(counts, axis=1)


def _squared_distance(a: Array, b: Array) -> Array:
    shape = jnp.broadcast_shapes(a.shape, b.shape)
    return jnp.sum((jnp.broadcast_to(a, shape) - jnp.broadcast_to(b, shape)) ** 2, axis=-1)
