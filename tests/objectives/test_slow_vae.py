"""The bound of pairs with a Laplace transition, against integrals and Monte Carlo."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from cal_jax.distributions import diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.objectives.slow_vae import expected_distance, slow_vae_elbo, transition_kl

KEY = jax.random.key(1)
RATE = 3.0
MEANS = jnp.array([[0.4, -1.0], [0.1, 1.5]])
LOG_VARIANCES = jnp.array([[-1.0, 0.3], [0.2, -2.0]])
X = jnp.array([[0.5, -0.5], [0.0, 1.0]])
GENERATIVE = SimpleNamespace(
    prior=lambda: standard_gaussian((2,)),
    likelihood=lambda z: diagonal_gaussian(2 * z, jnp.zeros_like(z)),
)
INFERENCE = SimpleNamespace(posterior=lambda x: diagonal_gaussian(MEANS, LOG_VARIANCES))


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.7, 0.1), (-2.0, 3.0), (5.0, 0.01)])
def test_expected_distance(mean, variance):
    scale = variance**0.5
    exact, _ = integrate.quad(
        lambda d: abs(d) * stats.norm.pdf(d, mean, scale), mean - 9 * scale, mean + 9 * scale
    )
    found = expected_distance(jnp.float32(mean), jnp.float32(variance))
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_the_transition_kl_is_that_of_draws():
    """Both orders, each term drawn: q(z), q(z') and the densities of both."""
    rng, count = np.random.default_rng(0), 400_000
    scales = np.exp(0.5 * np.asarray(LOG_VARIANCES))
    draws = np.asarray(MEANS)[:, None] + scales[:, None] * rng.normal(size=(2, count, 2))
    found = transition_kl(MEANS, LOG_VARIANCES, RATE)
    for item in (0, 1):
        z, other = draws[item], draws[1 - item]
        log_q = stats.norm.logpdf(z, MEANS[item], scales[item]).sum(axis=1)
        log_p = stats.laplace.logpdf(z, other, 1 / RATE).sum(axis=1)
        nats = log_q - log_p
        assert abs(nats.mean() - found[item]) < 5 * nats.std() / count**0.5


def test_the_parts_add_up_over_both_orders():
    terms = slow_vae_elbo(KEY, GENERATIVE, INFERENCE, X, rate=RATE)
    kls = 0.5 * (MEANS**2 + jnp.exp(LOG_VARIANCES) - 1 - LOG_VARIANCES).sum(axis=1)
    np.testing.assert_allclose(terms.kl_latent, kls.mean(), rtol=1e-5)
    expected = transition_kl(MEANS, LOG_VARIANCES, RATE).mean()
    np.testing.assert_allclose(terms.kl_transition, expected, rtol=1e-6)
    parts = terms.reconstruction - terms.kl_latent - terms.kl_transition
    np.testing.assert_allclose(terms.elbo, parts, rtol=1e-6)
    swapped = SimpleNamespace(
        posterior=lambda x: diagonal_gaussian(MEANS[::-1], LOG_VARIANCES[::-1])
    )
    again = slow_vae_elbo(KEY, GENERATIVE, swapped, X[::-1], rate=RATE)
    np.testing.assert_allclose(again[2:], terms[2:], rtol=1e-5)


def test_it_is_a_bound_on_the_pairs_evidence():
    """One dimension: log p(x_1, x_2) by a double integral over z."""
    x = jnp.array([[0.8], [-0.1]])
    means, log_variances = jnp.array([[0.3], [0.1]]), jnp.array([[-1.5], [-1.5]])
    generative = SimpleNamespace(
        prior=lambda: standard_gaussian((1,)),
        likelihood=lambda z: diagonal_gaussian(2 * z, jnp.zeros_like(z)),
    )
    inference = SimpleNamespace(posterior=lambda x: diagonal_gaussian(means, log_variances))
    keys = jax.random.split(KEY, 20_000)
    elbos = jax.vmap(lambda key: slow_vae_elbo(key, generative, inference, x, rate=RATE).elbo)(keys)
    grid = np.linspace(-5, 5, 801)
    weights = stats.norm.pdf(grid) * stats.norm.pdf(float(x[0, 0]), 2 * grid, 1)
    transition = stats.laplace.pdf(grid[None], grid[:, None], 1 / RATE)
    second = transition @ stats.norm.pdf(float(x[1, 0]), 2 * grid, 1)
    step = grid[1] - grid[0]
    evidence = np.log(step**2 * weights @ second)
    gap = evidence - float(elbos.mean())
    assert 0.0 < gap < 1.0


def test_what_is_refused():
    with pytest.raises(InputError, match="DiagonalGaussian of 3 items; accepted: a diagonal"):
        slow_vae_elbo(KEY, GENERATIVE, INFERENCE, jnp.zeros((3, 2)))
    other = SimpleNamespace(posterior=lambda x: object())
    with pytest.raises(InputError, match="posterior: object of 2 items"):
        slow_vae_elbo(KEY, GENERATIVE, other, X)
