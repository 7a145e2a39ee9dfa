"""The bound of one item against a model whose evidence is known exactly."""

import inspect
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import diagonal_gaussian, standard_gaussian
from cal_jax.objectives.vae import vae_elbo, vae_items_elbo
from tests.linear_gaussian_statistician import LATENT_DIM, linear_vae


def item_of(model, seed=3):
    return model.sample(np.random.default_rng(seed), 1)[0]


def samples_of(bound, count, seed=0):
    return jax.jit(jax.vmap(bound))(jax.random.split(jax.random.key(seed), count))


@pytest.mark.parametrize("seed", [0, 1])
def test_at_the_exact_posterior_the_bound_is_the_evidence(seed):
    """Every single sample of the Monte Carlo form, and the analytic form's mean."""
    model = linear_vae(seed=seed)
    x, generative, inference = item_of(model), model.generative(), model.inference()
    evidence = model.log_evidence(x)

    def both(key):
        monte_carlo = vae_elbo(key, generative, inference, x, kl="monte_carlo")
        return monte_carlo.elbo, vae_elbo(key, generative, inference, x).elbo

    monte_carlo, analytic = samples_of(both, 4000)
    np.testing.assert_allclose(monte_carlo, evidence, rtol=1e-4)
    analytic = np.asarray(analytic, np.float64)
    assert analytic.std() > 0.1
    assert abs(analytic.mean() - evidence) < 5 * analytic.std() / np.sqrt(analytic.size)


@pytest.mark.parametrize("method", ["analytic", "monte_carlo"])
def test_any_other_posterior_is_below_the_evidence_by_its_kl(method):
    model = linear_vae()
    x, exact = item_of(model), model.inference()
    moved = model.inference({"shift": jnp.array([0.5, -0.7]), "log_scale": jnp.array([0.3, -0.4])})
    gap = float(moved.posterior(x).kl_divergence(exact.posterior(x)))

    def bound(key):
        return vae_elbo(key, model.generative(), moved, x, kl=method).elbo

    elbo = np.asarray(samples_of(bound, 10_000), np.float64)
    assert gap > 0.5
    error = elbo.std() / np.sqrt(elbo.size)
    assert abs(model.log_evidence(x) - gap - elbo.mean()) < 5 * error


@pytest.mark.parametrize("method", ["analytic", "monte_carlo"])
def test_the_parts_add_up_and_are_what_they_are_called(method):
    model = linear_vae()
    x, key = item_of(model), jax.random.key(2)
    generative, inference = model.generative(), model.inference()

    @jax.jit
    def by_hand(key):
        posterior, prior = inference.posterior(x), generative.prior()
        z = posterior.sample(seed=key)
        kl = {
            "analytic": posterior.kl_divergence(prior),
            "monte_carlo": posterior.log_prob(z) - prior.log_prob(z),
        }
        return generative.likelihood(z).log_prob(x), kl

    terms = jax.jit(lambda key: vae_elbo(key, generative, inference, x, kl=method))(key)
    reconstruction, kl = by_hand(key)
    assert terms.elbo.shape == terms.reconstruction.shape == terms.kl_latent.shape == ()
    np.testing.assert_allclose(terms.elbo, terms.reconstruction - terms.kl_latent, rtol=1e-6)
    np.testing.assert_allclose(terms.reconstruction, reconstruction, rtol=1e-6)
    np.testing.assert_allclose(terms.kl_latent, kl[method], rtol=1e-5)
    assert abs(kl["analytic"] - kl["monte_carlo"]) > 1e-2


def test_the_gradient_of_the_expected_bound_is_that_of_the_kl_to_the_exact_posterior():
    """L = log p(x) - KL(q || p(z | x)), so reparameterised gradients average to -dKL."""
    model = linear_vae()
    x, exact = item_of(model), model.inference().posterior(item_of(model))
    moves = {"shift": jnp.array([0.5, -0.7]), "log_scale": jnp.array([0.3, -0.4])}
    want = jax.grad(lambda moves: -model.inference(moves).posterior(x).kl_divergence(exact))(moves)

    def gradient(key):
        return jax.grad(
            lambda moves: vae_elbo(key, model.generative(), model.inference(moves), x).elbo
        )(moves)

    got = samples_of(gradient, 10_000)
    for name, values in got.items():
        values = np.asarray(values, np.float64)
        assert values.shape == (10_000, LATENT_DIM)
        error = values.std(axis=0) / np.sqrt(len(values))
        assert np.all(np.abs(values.mean(axis=0) - want[name]) < 5 * error)


def test_an_unknown_kl_is_named():
    model = linear_vae()
    with pytest.raises(ValueError, match="'analytic' or 'monte_carlo'"):
        vae_elbo(
            jax.random.key(0), model.generative(), model.inference(), item_of(model), kl="exact"
        )


def test_the_signature_is_the_public_contract():
    parameters = inspect.signature(vae_elbo).parameters
    assert list(parameters) == ["key", "generative", "inference", "x", "kl"]
    assert parameters["kl"].kind is inspect.Parameter.KEYWORD_ONLY


def test_the_bound_of_a_set_is_the_sum_over_its_items():
    generative = SimpleNamespace(
        prior=lambda: standard_gaussian((2,)),
        likelihood=lambda z: diagonal_gaussian(z, jnp.zeros_like(z)),
    )
    inference = SimpleNamespace(posterior=lambda x: diagonal_gaussian(0.5 * x, -jnp.ones_like(x)))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2)), jnp.float32)
    key = jax.random.key(0)
    terms = vae_items_elbo(key, generative, inference, x)
    each = [vae_elbo(key, generative, inference, item).kl_latent for item in x]
    np.testing.assert_allclose(terms.kl_latent, sum(each), rtol=1e-5)
    np.testing.assert_allclose(terms.elbo, terms.reconstruction - terms.kl_latent, rtol=1e-6)
