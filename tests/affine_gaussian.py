"""A Gaussian whose square root is known: nothing to factorise or solve when it is used.

(Batched LAPACK calls that run side by side can wait for each other's threads for ever.)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class AffineGaussian(NamedTuple):
    """mean + root e, e ~ N(0, I): mean [..., D], root and its inverse [D, D]."""

    mean: jax.Array
    root: jax.Array
    inverse: jax.Array
    log_det: jax.Array
    """[]: log |det root|."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.mean.shape[:-1]

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self.mean.shape[-1:]

    def sample(self, *, seed: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        noise = jax.random.normal(seed, (*sample_shape, *self.mean.shape))
        return self.mean + noise @ self.root.T

    def log_prob(self, value: jax.Array) -> jax.Array:
        white = (value - self.mean) @ self.inverse.T
        constant = 0.5 * self.mean.shape[-1] * jnp.log(2 * jnp.pi) + self.log_det
        return -0.5 * jnp.sum(white**2, axis=-1) - constant

    def kl_divergence(self, other: "AffineGaussian") -> jax.Array:
        """KL(self || other), [...]."""
        ratio = other.inverse @ self.root
        white = (self.mean - other.mean) @ other.inverse.T
        distance = jnp.sum(white**2, axis=-1) + jnp.sum(ratio**2) - self.mean.shape[-1]
        return 0.5 * distance + other.log_det - self.log_det

    def moved(self, shift: jax.Array, log_scale: jax.Array) -> "AffineGaussian":
        """The mean shifted and each axis scaled about it: shift, log_scale [D]."""
        return AffineGaussian(
            self.mean + jnp.broadcast_to(shift, self.mean.shape),
            jnp.exp(log_scale)[:, None] * self.root,
            self.inverse * jnp.exp(-log_scale)[None, :],
            self.log_det + jnp.sum(log_scale),
        )


def affine_gaussian(mean: jax.Array, covariance: np.ndarray) -> AffineGaussian:
    """The Gaussian of a covariance [D, D] known before tracing."""
    root = np.linalg.cholesky(covariance)
    inverse, log_det = np.linalg.inv(root), np.sum(np.log(np.diag(root)))
    return AffineGaussian(
        mean, *(jnp.asarray(part, jnp.float32) for part in (root, inverse)), log_det
    )


def affine_posterior(
    loading: np.ndarray, covariance: np.ndarray, total: jax.Array, count: jax.Array
) -> AffineGaussian:
    """N(0, I) given ``count`` observations x ~ N(loading c, covariance) of sum ``total``."""
    weighted = np.linalg.solve(covariance, loading).T
    values, vectors = np.linalg.eigh(weighted @ loading)
    vectors = jnp.asarray(vectors, jnp.float32)
    scale = jax.lax.rsqrt(1.0 + count * jnp.asarray(values, jnp.float32))
    root, inverse = vectors * scale[None, :], vectors.T / scale[:, None]
    mean = root @ (root.T @ (jnp.asarray(weighted, jnp.float32) @ total))
    return AffineGaussian(mean, root, inverse, jnp.sum(jnp.log(scale)))
