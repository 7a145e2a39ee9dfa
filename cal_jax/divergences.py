"""Closed-form Kullback-Leibler divergences, in nats, on plain arrays.

Every function broadcasts its batch dimensions explicitly, so it works
under ``jax_numpy_rank_promotion="raise"``.
"""

import jax
import jax.numpy as jnp
from jax import Array


def _with_shape(shape: tuple[int, ...], *arrays: Array) -> list[Array]:
    return [jnp.broadcast_to(array, shape) for array in arrays]


def diagonal_gaussian_kl(
    mean_q: Array, log_variance_q: Array, mean_p: Array, log_variance_p: Array
) -> Array:
    """KL(q || p) of two Gaussians with diagonal covariances (thesis A.3, first corollary).

    Args:
      mean_q, log_variance_q: [..., C].
      mean_p, log_variance_p: [..., C]; batch dimensions broadcast against q's.

    Returns:
      [...] nats, summed over C.
    """
    shape = jnp.broadcast_shapes(
        mean_q.shape, log_variance_q.shape, mean_p.shape, log_variance_p.shape
    )
    mean_q, log_variance_q, mean_p, log_variance_p = _with_shape(
        shape, mean_q, log_variance_q, mean_p, log_variance_p
    )
    log_ratio = log_variance_p - log_variance_q
    squared_distance = jnp.square(mean_q - mean_p) * jnp.exp(-log_variance_p)
    return 0.5 * jnp.sum(squared_distance + jnp.exp(-log_ratio) - 1.0 + log_ratio, axis=-1)


def triangular_gaussian_kl(
    mean_q: Array, scale_q: Array, mean_p: Array, log_variance_p: Array
) -> Array:
    """KL(q || p) from covariance L L^T with triangular L to a diagonal one (thesis A.3).

    It decomposes no matrix.

    Args:
      mean_q: [..., C].
      scale_q: L, [..., C, C], lower triangular, its diagonal positive.
      mean_p, log_variance_p: [..., C]; batch dimensions broadcast against q's.

    Returns:
      [...] nats.
    """
    shape = jnp.broadcast_shapes(
        mean_q.shape, scale_q.shape[:-1], mean_p.shape, log_variance_p.shape
    )
    mean_q, mean_p, log_variance_p = _with_shape(shape, mean_q, mean_p, log_variance_p)
    variance_q = jnp.broadcast_to(jnp.sum(jnp.square(scale_q), axis=-1), shape)
    log_scale_q = jnp.log(jnp.diagonal(scale_q, axis1=-2, axis2=-1))
    log_ratio = log_variance_p - 2.0 * jnp.broadcast_to(log_scale_q, shape)
    second_moment = jnp.square(mean_q - mean_p) + variance_q
    return 0.5 * jnp.sum(second_moment * jnp.exp(-log_variance_p) - 1.0 + log_ratio, axis=-1)


def gaussian_kl(mean_q: Array, covariance_q: Array, mean_p: Array, covariance_p: Array) -> Array:
    """KL(q || p) of two Gaussians with full covariances (thesis A.3, the claim).

    The thesis's last line misplaces the bracket of the factor 1/2;
    this is the claim that it proves.

    Args:
      mean_q, mean_p: [..., C].
      covariance_q, covariance_p: [..., C, C], positive definite.

    Returns:
      [...] nats.
    """
    dim = mean_q.shape[-1]
    batch = jnp.broadcast_shapes(
        mean_q.shape[:-1], covariance_q.shape[:-2], mean_p.shape[:-1], covariance_p.shape[:-2]
    )
    mean_q, mean_p = _with_shape((*batch, dim), mean_q, mean_p)
    covariance_q, covariance_p = _with_shape((*batch, dim, dim), covariance_q, covariance_p)
    root_q = jnp.linalg.cholesky(covariance_q)
    root_p = jnp.linalg.cholesky(covariance_p)

    def whiten(right: Array) -> Array:
        return jax.scipy.linalg.solve_triangular(root_p, right, lower=True)

    trace = jnp.sum(jnp.square(whiten(root_q)), axis=(-2, -1))
    squared_distance = jnp.sum(jnp.square(whiten((mean_p - mean_q)[..., None])), axis=(-2, -1))
    return 0.5 * (squared_distance + trace - dim + _log_det(root_p) - _log_det(root_q))


def _log_det(root: Array) -> Array:
    """log |L L^T| of a Cholesky factor [..., C, C]."""
    return 2.0 * jnp.sum(jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1)), axis=-1)


def categorical_kl(logits_q: Array, logits_p: Array) -> Array:
    """KL(q || p) of two categoricals (thesis A.4), from unnormalised logits.

    The thesis states the formula for the "unnormalised" pi of (6.11); it holds
    for normalised ones only, so both pass through a log-softmax first.

    Args:
      logits_q, logits_p: [..., M]; a logit of -inf is a class of probability 0.

    Returns:
      [...] nats; inf where q has mass and p has none.
    """
    shape = jnp.broadcast_shapes(logits_q.shape, logits_p.shape)
    logits_q, logits_p = _with_shape(shape, logits_q, logits_p)
    log_q = jax.nn.log_softmax(logits_q, axis=-1)
    log_p = jax.nn.log_softmax(logits_p, axis=-1)
    possible = jnp.isfinite(log_q)
    difference = jnp.where(possible, log_q, 0.0) - jnp.where(possible, log_p, 0.0)
    return jnp.sum(jnp.exp(log_q) * difference, axis=-1)
