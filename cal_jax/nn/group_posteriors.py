"""Pooling of items' Gaussians into a group's: their product, or their mean.

ML-VAE (Bouchacourt, Tomioka & Nowozin 2018) multiplies the items' Gaussians;
GVAE (Hosoya 2019) averages their means and variances. Neither has a prior factor:
with one, see ``nn.experts``. Shape letters: ``cal_jax.axes``.
"""

import jax.numpy as jnp
from jax import Array

from cal_jax.nn.dense import GaussianParameters
from cal_jax.nn.statistic import mean_pool


def product_of_gaussians(items: GaussianParameters, mask: Array | None) -> GaussianParameters:
    """The normalised product of the Gaussians of the items that count: [C] each.

    Without an item that counts it is N(0, I).

    Args:
      items: means and log variances [N, C].
      mask: [N], 1 for items that count and 0 for padding; None when all count.
    """
    mean, log_variance = items
    precision = jnp.exp(-log_variance)
    if mask is not None:
        counts = (mask > 0)[:, None]
        mean, precision = jnp.where(counts, mean, 0.0), jnp.where(counts, precision, 0.0)
    pull = jnp.sum(precision * mean, axis=0)
    total = _one_if_empty(jnp.sum(precision, axis=0), mask)
    return GaussianParameters(pull / total, -jnp.log(total))


def mean_of_gaussians(items: GaussianParameters, mask: Array | None) -> GaussianParameters:
    """The Gaussian of the mean of the means and the mean of the variances: [C] each.

    Means and variances of the items that count; without one it is N(0, I).

    Args:
      items: means and log variances [N, C].
      mask: [N], 1 for items that count and 0 for padding; None when all count.
    """
    variance = _one_if_empty(mean_pool(jnp.exp(items.log_variance), mask), mask)
    return GaussianParameters(mean_pool(items.mean, mask), jnp.log(variance))


def _one_if_empty(values: Array, mask: Array | None) -> Array:
    return values if mask is None else jnp.where(jnp.any(mask > 0), values, 1.0)
