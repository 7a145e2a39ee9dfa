"""Closed forms against distrax and against Monte Carlo, in value and gradient."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.divergences import (
    categorical_kl,
    diagonal_gaussian_kl,
    gaussian_kl,
    triangular_gaussian_kl,
)

DIM = 3


@pytest.fixture(name="gaussians")
def two_gaussians():
    """(mean, log variance) of q and p."""
    draws = jax.random.normal(jax.random.key(0), (4, DIM))
    return draws[0], 0.5 * draws[1], draws[2], 0.5 * draws[3]


def covariances(seed):
    root = jax.random.normal(jax.random.key(seed), (2, DIM, DIM)) + 2 * jnp.tile(
        jnp.eye(DIM), (2, 1, 1)
    )
    return root @ jnp.swapaxes(root, -1, -2)


def monte_carlo(sample, log_ratio, count=200_000):
    values = np.asarray(log_ratio(sample(jax.random.key(5), count)), np.float64)
    return values.mean(), values.std() / np.sqrt(count)


def test_diagonal_gaussians_agree_with_distrax_in_value_and_gradient(gaussians):
    def distrax_kl(mean_q, log_variance_q, mean_p, log_variance_p):
        q = distrax.MultivariateNormalDiag(mean_q, jnp.exp(0.5 * log_variance_q))
        p = distrax.MultivariateNormalDiag(mean_p, jnp.exp(0.5 * log_variance_p))
        return q.kl_divergence(p)

    every = (0, 1, 2, 3)
    want = jax.value_and_grad(distrax_kl, every)(*gaussians)
    got = jax.value_and_grad(diagonal_gaussian_kl, every)(*gaussians)
    jax.tree.map(lambda w, g: np.testing.assert_allclose(g, w, rtol=2e-5, atol=1e-6), want, got)


def test_diagonal_gaussians_agree_with_monte_carlo_in_value_and_gradient(gaussians):
    """The gradient is that of the reparameterised estimate, whose mean is the exact one."""
    mean_q, log_variance_q, mean_p, log_variance_p = gaussians
    noise = jax.random.normal(jax.random.key(3), (100_000, DIM))

    def estimates(mean_q):
        x = mean_q[None] + jnp.exp(0.5 * log_variance_q)[None] * noise
        log_q = distrax.MultivariateNormalDiag(mean_q, jnp.exp(0.5 * log_variance_q)).log_prob
        log_p = distrax.MultivariateNormalDiag(mean_p, jnp.exp(0.5 * log_variance_p)).log_prob
        return jax.vmap(log_q)(x) - jax.vmap(log_p)(x)

    values = np.asarray(estimates(mean_q), np.float64)
    exact = diagonal_gaussian_kl(*gaussians)
    assert abs(values.mean() - exact) < 5 * values.std() / np.sqrt(values.size)
    gradient = jax.grad(lambda m: estimates(m).mean())(mean_q)
    want = jax.grad(diagonal_gaussian_kl)(*gaussians)
    np.testing.assert_allclose(gradient, want, atol=0.02)


def test_full_gaussians_agree_with_distrax_in_value_and_gradient():
    mean_q, mean_p = jax.random.normal(jax.random.key(1), (2, DIM))
    covariance_q, covariance_p = covariances(2)

    def distrax_kl(mean_q, covariance_q, mean_p, covariance_p):
        with jax.numpy_rank_promotion("allow"):
            q = distrax.MultivariateNormalFullCovariance(mean_q, covariance_q)
            p = distrax.MultivariateNormalFullCovariance(mean_p, covariance_p)
            return q.kl_divergence(p)

    arguments = (mean_q, covariance_q, mean_p, covariance_p)
    want = jax.value_and_grad(distrax_kl, (0, 1, 2, 3))(*arguments)
    got = jax.value_and_grad(gaussian_kl, (0, 1, 2, 3))(*arguments)
    jax.tree.map(lambda w, g: np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5), want, got)


def test_full_gaussians_with_diagonal_covariances_are_the_diagonal_form(gaussians):
    mean_q, log_variance_q, mean_p, log_variance_p = gaussians
    full = gaussian_kl(
        mean_q, jnp.diag(jnp.exp(log_variance_q)), mean_p, jnp.diag(jnp.exp(log_variance_p))
    )
    np.testing.assert_allclose(full, diagonal_gaussian_kl(*gaussians), rtol=1e-5)


def test_a_triangular_gaussian_against_a_diagonal_one_is_the_full_form(gaussians):
    _, _, mean_p, log_variance_p = gaussians
    mean_q = jax.random.normal(jax.random.key(4), (2, DIM))
    scale_q = jnp.linalg.cholesky(covariances(2))
    covariance_p = jnp.diag(jnp.exp(log_variance_p))

    def full(mean_q, scale_q):
        covariance_q = scale_q @ jnp.swapaxes(scale_q, -1, -2)
        return gaussian_kl(mean_q, covariance_q, mean_p, covariance_p).sum()

    def triangular(mean_q, scale_q):
        return triangular_gaussian_kl(mean_q, scale_q, mean_p, log_variance_p).sum()

    want = jax.value_and_grad(full, (0, 1))(mean_q, scale_q)
    got = jax.value_and_grad(triangular, (0, 1))(mean_q, scale_q)
    lower = jnp.tril(jnp.ones((2, DIM, DIM)))
    want = (want[0], (want[1][0], want[1][1] * lower))
    jax.tree.map(lambda w, g: np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5), want, got)


def test_full_gaussians_agree_with_monte_carlo():
    mean_q, mean_p = jax.random.normal(jax.random.key(1), (2, DIM))
    covariance_q, covariance_p = covariances(2)
    q, p = (
        jax.scipy.stats.multivariate_normal.logpdf,
        jax.scipy.stats.multivariate_normal.logpdf,
    )

    def log_ratio(x):
        with jax.numpy_rank_promotion("allow"):
            return q(x, mean_q, covariance_q) - p(x, mean_p, covariance_p)

    def sample(key, count):
        with jax.numpy_rank_promotion("allow"):
            return jax.random.multivariate_normal(key, mean_q, covariance_q, (count,))

    mean, error = monte_carlo(sample, log_ratio)
    assert abs(mean - gaussian_kl(mean_q, covariance_q, mean_p, covariance_p)) < 5 * error


def test_categoricals_agree_with_distrax_in_value_and_gradient():
    logits_q, logits_p = 3 * jax.random.normal(jax.random.key(6), (2, 5))

    def distrax_kl(logits_q, logits_p):
        return distrax.Categorical(logits_q).kl_divergence(distrax.Categorical(logits_p))

    want = jax.value_and_grad(distrax_kl, (0, 1))(logits_q, logits_p)
    got = jax.value_and_grad(categorical_kl, (0, 1))(logits_q, logits_p)
    jax.tree.map(lambda w, g: np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-6), want, got)


def test_categorical_kl_does_not_depend_on_the_logits_offset():
    """A.4 is fed unnormalised pi in (6.11); the divergence is of what they are normalised to."""
    logits_q, logits_p = jax.random.normal(jax.random.key(6), (2, 5))
    want = categorical_kl(logits_q, logits_p)
    np.testing.assert_allclose(categorical_kl(logits_q + 7.0, logits_p - 2.0), want, rtol=1e-4)


def test_categorical_kl_with_impossible_classes():
    certain = jnp.array([0.0, -jnp.inf])
    even = jnp.zeros(2)
    np.testing.assert_allclose(categorical_kl(certain, even), np.log(2), rtol=1e-6)
    assert categorical_kl(even, certain) == jnp.inf
    assert np.all(np.isfinite(jax.grad(categorical_kl)(certain, even)))


@pytest.mark.parametrize("seed", range(20))
def test_no_divergence_is_negative_and_each_is_zero_at_equality(seed):
    """A.1.1 (whose proof states Jensen's inequality backwards): KL >= 0, 0 when equal."""
    draws = jax.random.normal(jax.random.key(seed), (4, DIM))
    assert diagonal_gaussian_kl(*draws) >= 0
    np.testing.assert_allclose(diagonal_gaussian_kl(*draws[:2], *draws[:2]), 0, atol=1e-6)
    covariance_q, covariance_p = covariances(seed)
    assert gaussian_kl(draws[0], covariance_q, draws[1], covariance_p) >= 0
    same = gaussian_kl(draws[0], covariance_q, draws[0], covariance_q)
    np.testing.assert_allclose(same, 0, atol=1e-5)
    assert categorical_kl(draws[0], draws[1]) >= -1e-7
    np.testing.assert_allclose(categorical_kl(draws[0], draws[0]), 0, atol=1e-7)


def test_the_reverse_divergence_is_zero_forcing():
    """KL(q || p), minimised over a narrow q, prefers one mode of p to the gap between two.

    Section 2.3.1 calls this direction "zero-avoiding"; it is zero-forcing.
    """
    grid = jnp.linspace(-8, 8, 4001)

    def log_normal(x, mean, scale):
        return -0.5 * ((x - mean) / scale) ** 2 - jnp.log(scale * jnp.sqrt(2 * jnp.pi))

    log_p = jnp.logaddexp(log_normal(grid, -3.0, 0.7), log_normal(grid, 3.0, 0.7)) - jnp.log(2)

    def reverse(mean):
        log_q = log_normal(grid, mean, 0.7)
        return jnp.sum(jnp.exp(log_q) * (log_q - log_p)) * (grid[1] - grid[0])

    np.testing.assert_allclose(reverse(3.0), np.log(2), atol=1e-3)
    assert reverse(3.0) < reverse(0.0)


def test_batches_are_broadcast_explicitly():
    q = jnp.zeros((4, 2, DIM))
    p = jnp.ones((2, DIM))
    assert diagonal_gaussian_kl(q, q, p, p).shape == (4, 2)
    full = jnp.tile(jnp.eye(DIM), (4, 2, 1, 1))
    assert gaussian_kl(q, full, p, full[0]).shape == (4, 2)
    assert categorical_kl(q, p).shape == (4, 2)
