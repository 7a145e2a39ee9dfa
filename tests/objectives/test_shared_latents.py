"""Bounds of sets that share dimensions of z, against slow twins and identities."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from cal_jax.distributions import diagonal_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.objectives.shared_latents import (
    adaptive_latents_elbo,
    averaged_posterior,
    inferred_sharing,
    told_latents_elbo,
)
from cal_jax.objectives.vae import vae_items_elbo

KEY = jax.random.key(0)
Z = 4


def encoder_of(means, log_variances):
    """An inference model that has these posteriors, whatever the items are."""
    return SimpleNamespace(posterior=lambda x: diagonal_gaussian(means, log_variances))


GENERATIVE = SimpleNamespace(
    prior=lambda: standard_gaussian((Z,)),
    likelihood=lambda z: diagonal_gaussian(jnp.tanh(z), jnp.full_like(z, -1.0)),
)


def case(count=3, seed=0):
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(3, count, Z)).astype(np.float32)
    return jnp.asarray(draws[0]), jnp.asarray(draws[1]), jnp.asarray(draws[2])


def test_with_nothing_shared_it_is_the_autoencoder():
    x, means, log_variances = case()
    inference = encoder_of(means, log_variances)
    told = told_latents_elbo(KEY, GENERATIVE, inference, x, jnp.zeros(2))
    plain = vae_items_elbo(KEY, GENERATIVE, inference, x)
    np.testing.assert_allclose(told[:3], plain, rtol=1e-5)
    assert told.shared.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("average", ["mean", "product"])
def test_a_shared_block_has_the_average_of_all_items(average):
    """The KLs, item by item and dimension by dimension."""
    x, means, log_variances = case()
    terms = told_latents_elbo(
        KEY, GENERATIVE, encoder_of(means, log_variances), x, jnp.array([0.0, 1.0]), average=average
    )
    assert terms.shared.tolist() == [0, 0, 1, 1]
    total = 0.0
    for n in range(3):
        for d in range(Z):
            mean, variance = float(means[n, d]), float(np.exp(log_variances[n, d]))
            if d >= 2:
                variances = np.exp(np.asarray(log_variances[:, d], np.float64))
                if average == "mean":
                    mean, variance = float(means[:, d].mean()), float(variances.mean())
                else:
                    variance = 1 / np.sum(1 / variances)
                    mean = variance * np.sum(np.asarray(means[:, d]) / variances)
            total += 0.5 * (mean**2 + variance - 1 - np.log(variance))
    np.testing.assert_allclose(terms.kl_latent, total, rtol=1e-5)
    np.testing.assert_allclose(terms.elbo, terms.reconstruction - terms.kl_latent, rtol=1e-6)


def test_the_product_is_that_of_the_densities():
    _, means, log_variances = case()
    mean, log_variance = averaged_posterior(means, log_variances, "product")
    grid = np.linspace(-6, 6, 4001)
    for d in range(Z):
        density = np.prod(
            [
                stats.norm.pdf(grid, means[n, d], np.exp(0.5 * float(log_variances[n, d])))
                for n in range(3)
            ],
            axis=0,
        )
        density /= density.sum()
        np.testing.assert_allclose(mean[d], density @ grid, atol=1e-3)
        spread = density @ (grid - density @ grid) ** 2
        np.testing.assert_allclose(jnp.exp(log_variance[d]), spread, rtol=2e-2)


def slowly_shared(means, log_variances):
    nats = []
    for d in range(means.shape[1]):
        (m, n), (v, w) = means[:, d], np.exp(log_variances[:, d])
        nats.append(0.5 * (v / w + (n - m) ** 2 / w - 1 + np.log(w / v)))
    middle = (min(nats) + max(nats)) / 2
    return [float(one < middle) for one in nats]


@pytest.mark.parametrize("seed", range(5))
def test_near_dimensions_are_shared(seed):
    _, means, log_variances = case(2, seed)
    shared = inferred_sharing(means, log_variances)
    assert shared.tolist() == slowly_shared(np.asarray(means), np.asarray(log_variances))
    assert 0 < shared.sum() < Z
    x = case(2, seed)[0]
    inference = encoder_of(means, log_variances)
    inferred = adaptive_latents_elbo(KEY, GENERATIVE, inference, x)
    np.testing.assert_array_equal(inferred.shared, shared)


def test_the_threshold_is_the_middle_and_not_the_mean():
    """Divergences of 0, 0, 4 and 10 nats: the mean is 3.5, the middle 5."""
    apart = jnp.sqrt(2 * jnp.array([0.0, 0.0, 4.0, 10.0]))
    shared = inferred_sharing(jnp.stack([apart, jnp.zeros(4)]), jnp.zeros((2, 4)))
    assert shared.tolist() == [1, 1, 1, 0]


def test_pairs_that_agree_in_what_is_shared_lose_nothing():
    """Then the averages are the items' own posteriors."""
    x, means, log_variances = case(2)
    means = means.at[1, :2].set(means[0, :2])
    log_variances = log_variances.at[1].set(log_variances[0])
    inference = encoder_of(means.at[1, 2:].add(9.0), log_variances)
    inferred = adaptive_latents_elbo(KEY, GENERATIVE, inference, x)
    assert inferred.shared[:2].tolist() == [1, 1]
    if inferred.shared.sum() == 2:
        plain = vae_items_elbo(KEY, GENERATIVE, inference, x)
        np.testing.assert_allclose(inferred[:3], plain, rtol=1e-5)


def test_the_gradient_reaches_every_posterior_and_no_choice_of_sharing():
    x, means, log_variances = case(2)

    def bound(means):
        return adaptive_latents_elbo(KEY, GENERATIVE, encoder_of(means, log_variances), x).elbo

    gradient = jax.grad(bound)(means)
    assert np.isfinite(gradient).all() and (np.abs(gradient) > 0).all()
    step = 1e-2 * gradient / np.abs(gradient).max()
    assert bound(means + step) > bound(means)


def test_what_is_refused():
    x, means, log_variances = case()
    inference = encoder_of(means, log_variances)
    with pytest.raises(InputError, match="a: 3 factors; accepted: a number that divides 4"):
        told_latents_elbo(KEY, GENERATIVE, inference, x, jnp.zeros(3))
    with pytest.raises(InputError, match="x: 3 items; accepted: 2"):
        adaptive_latents_elbo(KEY, GENERATIVE, inference, x)
    with pytest.raises(InputError, match="average 'sum'; accepted: mean, product"):
        told_latents_elbo(KEY, GENERATIVE, inference, x, jnp.ones(2), average="sum")
    other = SimpleNamespace(posterior=lambda x: object())
    with pytest.raises(InputError, match="posterior: object; accepted: a diagonal Gaussian"):
        told_latents_elbo(KEY, GENERATIVE, other, x, jnp.zeros(2))
