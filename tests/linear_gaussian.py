"""A linear-Gaussian context-aware model whose evidence and posterior are exact.

    c_k ~ N(0, I)  (once for the set where a_k = 1, once an item elsewhere)
    z_n ~ N(0, I)
    x_n = sum_k W_k c_nk + V z_n + noise,  noise ~ N(0, s^2 I)

The posterior factorises over contexts, as the objective's does, where contexts
that share a role have orthogonal loadings. A varying context may overlap with
a constant one, and z with both: then the exact varying posterior depends on
the constant contexts, and z's on all of them.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.distributions import Distribution, full_gaussian, standard_gaussian

CONTEXT_DIM = LATENT_DIM = 2


@dataclass(frozen=True)
class LinearGaussian:
    """W [K, X, C], V [X, Z] and the noise's standard deviation s, for one label a [K]."""

    a: np.ndarray
    loadings: np.ndarray
    latent_loading: np.ndarray
    noise: float

    def item_covariance(self, *, with_varying: bool) -> np.ndarray:
        """[X, X]: of an item given its constant contexts, or given all of its contexts."""
        covariance = self.latent_loading @ self.latent_loading.T
        covariance = covariance + self.noise**2 * np.eye(len(covariance))
        if with_varying:
            for loading in self.loadings[self.a == 0]:
                covariance = covariance + loading @ loading.T
        return covariance

    def log_evidence(self, x: np.ndarray) -> float:
        """log p(D | a) in nats, from the joint covariance of all the items, in float64."""
        num_items = len(x)
        covariance = np.kron(np.eye(num_items), self.item_covariance(with_varying=True))
        for loading in self.loadings[self.a == 1]:
            covariance += np.kron(np.ones((num_items, num_items)), loading @ loading.T)
        flat = np.asarray(x, np.float64).reshape(-1)
        _, log_det = np.linalg.slogdet(covariance)
        distance = flat @ np.linalg.solve(covariance, flat)
        return float(-0.5 * (distance + log_det + flat.size * np.log(2 * np.pi)))

    def sample(self, rng: np.random.Generator, num_items: int) -> np.ndarray:
        """Data set [N, X] from the model."""
        shape = (len(self.a), CONTEXT_DIM)
        constant, varying = rng.normal(size=shape), rng.normal(size=(num_items, *shape))
        contexts = np.where(self.a[:, None] == 1, constant, varying)
        x = np.einsum("kxc,nkc->nx", self.loadings, contexts)
        x += rng.normal(size=(num_items, LATENT_DIM)) @ self.latent_loading.T
        return x + self.noise * rng.normal(size=x.shape)

    def generative(self) -> SimpleNamespace:
        """The generative protocol as lambdas."""
        num_contexts, dim, _ = self.loadings.shape
        identity = jnp.eye(dim)

        def likelihood(z: jax.Array, contexts: jax.Array) -> Distribution:
            mean = self._mean(contexts) + z @ self.latent_loading.T
            return full_gaussian(mean, jnp.tile(self.noise**2 * identity, (len(z), 1, 1)))

        return SimpleNamespace(
            constant_prior=lambda a: standard_gaussian((num_contexts, CONTEXT_DIM)),
            varying_prior=lambda constants, a: standard_gaussian((num_contexts, CONTEXT_DIM)),
            latent_prior=lambda contexts: standard_gaussian((len(contexts), LATENT_DIM)),
            likelihood=likelihood,
        )

    def exact_inference(self) -> SimpleNamespace:
        """The exact posterior as lambdas."""
        given_contexts = np.linalg.inv(self.item_covariance(with_varying=False))
        given_constants = np.linalg.inv(self.item_covariance(with_varying=True))

        def constant_contexts(h: jax.Array, a: jax.Array, mask: jax.Array | None) -> Distribution:
            counts = jnp.ones(len(h)) if mask is None else mask
            total = counts @ h
            return _posterior(self.loadings, given_constants, total[None], jnp.sum(counts))

        def varying_contexts(h: jax.Array, constants: jax.Array, a: jax.Array) -> Distribution:
            residual = h - self._mean(constants[None])
            return _posterior(self.loadings[None], given_contexts, residual[:, None], 1.0)

        def latent(h: jax.Array, contexts: jax.Array) -> Distribution:
            white = np.eye(h.shape[1]) / self.noise**2
            residual = h - self._mean(contexts)
            return _posterior(self.latent_loading[None], white, residual, 1.0)

        return SimpleNamespace(
            encode=lambda x: x,
            constant_contexts=constant_contexts,
            varying_contexts=varying_contexts,
            latent=latent,
        )

    def _mean(self, contexts: jax.Array) -> jax.Array:
        return jnp.einsum("kxc,nkc->nx", self.loadings, contexts)


def _posterior(
    loadings: np.ndarray, precision: np.ndarray, total: jax.Array, count: jax.Array | float
) -> Distribution:
    """N(0, I) prior times ``count`` Gaussian observations summing to ``total`` [..., X]."""
    loadings = jnp.asarray(loadings, jnp.float32)
    weighted = jnp.einsum("...xc,xy->...cy", loadings, jnp.asarray(precision, jnp.float32))
    information = count * jnp.einsum("...cy,...yd->...cd", weighted, loadings)
    covariance = jnp.linalg.inv(
        information + jnp.broadcast_to(jnp.eye(CONTEXT_DIM), information.shape)
    )
    mean = jnp.einsum("...cd,...dy,...y->...c", covariance, weighted, total)
    return full_gaussian(mean, jnp.broadcast_to(covariance, (*mean.shape, CONTEXT_DIM)))


def coupled_model(a: tuple[int, ...], *, seed: int = 0) -> LinearGaussian:
    """A model for the label ``a``: contexts of one role orthogonal, of two roles not.

    Each varying context leans on a constant one of its own, where there is one
    left, and z leans on the first context.
    """
    label = np.asarray(a, np.float64)
    columns = len(a) * CONTEXT_DIM + LATENT_DIM
    dim = columns + 1
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    blocks = np.moveaxis(basis[:, :columns].reshape(dim, -1, CONTEXT_DIM), 1, 0)
    blocks = blocks * rng.uniform(0.7, 1.5, size=(len(blocks), 1, CONTEXT_DIM))
    loadings = blocks[:-1].copy()
    for varying, constant in zip(
        np.flatnonzero(label == 0), np.flatnonzero(label == 1), strict=False
    ):
        loadings[varying] += 0.8 * blocks[constant]
    return LinearGaussian(label, loadings, blocks[-1] + 0.6 * blocks[0], noise=0.6)
