"""Gradients against plain importance weighting's, and at the exact posterior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.objectives.gradient_estimators import (
    LiveAndStopped,
    dreg_bound,
    nested_dreg_bound,
    neural_statistician_dreg_log_weights,
    sticking_the_landing,
    vae_dreg_log_weights,
)
from cal_jax.objectives.importance import (
    importance_weighted,
    nested_bound,
    neural_statistician_log_weights,
    vae_log_weight,
)
from tests.linear_gaussian_statistician import linear_statistician, linear_vae

LAYERS, CONTEXTS = 2, 3


def item_case():
    """A model, and bounds of (parameters, keys [S]): plain, doubly reparameterised and stuck."""
    model = linear_vae()
    x = model.sample(np.random.default_rng(3), 1)[0]

    def plain(parameters, keys):
        generative, inference = (side.live for side in twins(model, parameters))
        return importance_weighted(
            jax.vmap(lambda key: vae_log_weight(key, generative, inference, x))(keys)
        )

    def doubly(parameters, keys):
        both = twins(model, parameters)
        return dreg_bound(jax.vmap(lambda key: vae_dreg_log_weights(key, *both, x))(keys))

    def stuck(parameters, keys):
        both = twins(model, parameters)
        log_weight = sticking_the_landing(vae_log_weight)
        return importance_weighted(jax.vmap(lambda key: log_weight(key, *both, x))(keys))

    return model, plain, doubly, stuck


def set_case(latents=2):
    """The same of a data set with padding, (parameters, keys [J]) -> nested bound."""
    model = linear_statistician(LAYERS)
    counted = model.sample(np.random.default_rng(3), 2)
    x = np.concatenate([counted, np.full((1, counted.shape[1]), np.nan, np.float32)])
    mask = np.array([1.0, 1.0, 0.0], np.float32)
    options = {"layers": LAYERS, "latent_samples": latents, "mask": mask}

    def plain(parameters, keys):
        generative, inference = (side.live for side in twins(model, parameters))

        def one(key):
            return neural_statistician_log_weights(key, generative, inference, x, **options)

        return nested_bound(jax.vmap(one)(keys), mask)

    def doubly(parameters, keys):
        both = twins(model, parameters)

        def one(key):
            return neural_statistician_dreg_log_weights(key, *both, x, **options)

        return nested_dreg_bound(jax.vmap(one)(keys), mask)

    def stuck(parameters, keys):
        both = twins(model, parameters)
        log_weights = sticking_the_landing(neural_statistician_log_weights)
        return nested_bound(jax.vmap(lambda key: log_weights(key, *both, x, **options))(keys), mask)

    return model, plain, doubly, stuck


CASES = {"item": item_case, "set": set_case}


def twins(model, parameters):
    stopped = jax.lax.stop_gradient(parameters)
    return (
        LiveAndStopped(
            model.generative(parameters["generative"]), model.generative(stopped["generative"])
        ),
        LiveAndStopped(
            model.inference(parameters["inference"]), model.inference(stopped["inference"])
        ),
    )


def parameters_of(model, size):
    """Parameters that move the model and the posterior from the exact ones by about ``size``."""
    parameters = {"generative": model.generative_zeros(), "inference": model.zeros()}
    rng = np.random.default_rng(7)

    def move(zeros):
        return jnp.asarray(size * rng.choice([-1.0, 1.0], zeros.shape), jnp.float32)

    return jax.tree.map(move, parameters)


def gradients(bounds, parameters, samples, count, seed=0):
    """Value and gradient of each bound for ``count`` draws of noise, the same for all: [count]."""
    keys = jax.random.split(jax.random.key(seed), (count, samples))

    def one(keys):
        return [jax.value_and_grad(bound)(parameters, keys) for bound in bounds]

    return jax.device_get(jax.jit(jax.vmap(one))(keys))


@pytest.mark.parametrize("case", CASES)
def test_doubly_reparameterised_gradients_are_unbiased(case):
    """Their mean is plain importance weighting's, for every parameter of both sides."""
    model, plain, doubly, _ = CASES[case]()
    (value, want), (same, got) = gradients(
        (plain, doubly), parameters_of(model, 0.4), CONTEXTS, 20_000
    )
    np.testing.assert_allclose(same, value, rtol=1e-5, atol=1e-5)

    assert_unbiased(got, want)


@pytest.mark.parametrize("case", CASES)
def test_sticking_the_landing_is_unbiased_for_one_sample(case):
    model, plain, _, stuck = item_case() if case == "item" else set_case(latents=1)
    (value, want), (same, got) = gradients((plain, stuck), parameters_of(model, 0.4), 1, 20_000)
    np.testing.assert_allclose(same, value, rtol=1e-5, atol=1e-5)
    assert_unbiased(got, want)


def assert_unbiased(got, want):
    """Over draws [count, ...] of the same noise, the means of both agree."""

    def agree(path, got, want):
        difference = got.astype(np.float64) - want
        error = difference.std(axis=0) / np.sqrt(len(difference))
        assert np.all(np.abs(difference.mean(axis=0)) < 5 * error + 1e-5), path
        assert np.all(np.abs(want.mean(axis=0)) > 1e-3), path

    jax.tree_util.tree_map_with_path(agree, got, want)


@pytest.mark.parametrize("case", CASES)
def test_at_the_exact_posterior_every_gradient_of_the_inference_is_zero(case):
    """Sample by sample, of two layers; the plain estimator's is not."""
    model, *bounds = CASES[case]()
    plain, doubly, stuck = gradients(bounds, parameters_of(model, 0.0), CONTEXTS, 200)
    for _, gradient in (doubly, stuck):
        for values in jax.tree.leaves(gradient["inference"]):
            np.testing.assert_allclose(values, 0.0, atol=2e-5)
        jax.tree.map(
            lambda got, want: np.testing.assert_allclose(got, want, atol=1e-4),
            gradient["generative"],
            plain[1]["generative"],
        )
    for values in jax.tree.leaves(plain[1]["inference"]):
        assert values.std(axis=0).min() > 0.1


@pytest.mark.parametrize("case", CASES)
def test_near_the_optimum_doubly_reparameterised_gradients_vary_less(case):
    model, plain, doubly, _ = CASES[case]()
    both = gradients((plain, doubly), parameters_of(model, 0.05), CONTEXTS, 1000)
    plain, doubly = (
        jax.tree.map(lambda values: values.std(axis=0), gradient["inference"])
        for _, gradient in both
    )
    for wide, narrow in zip(jax.tree.leaves(plain), jax.tree.leaves(doubly), strict=True):
        assert np.all(narrow < 0.5 * wide)
