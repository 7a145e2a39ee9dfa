"""Richer priors of contexts: densities that integrate what they sample, and sane starts."""

import functools

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cal_jax.distributions import (
    coupling_flow,
    diagonal_gaussian,
    gaussian_mixture,
    kl,
    log_prob,
    sample,
    standard_gaussian,
)
from cal_jax.nn.priors import CouplingLayers, FlowParameters, MixturePrior

K, C, L, H = 2, 3, 3, 4
RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


MIXTURE = numbers(K, 2), numbers(K, 2, C), 0.3 * numbers(K, 2, C)
FLOW = FlowParameters(0.6 * numbers(L, K, C, H), numbers(L, K, H), 0.6 * numbers(L, K, H, 2 * C))


def test_a_mixture_has_the_density_and_the_moments_of_its_components():
    value = numbers(5, K, C)

    @jax.jit
    def probe(value):
        mixture = gaussian_mixture(*map(jnp.asarray, MIXTURE))
        assert (mixture.batch_shape, mixture.event_shape) == ((K,), (C,))
        return log_prob(mixture, value), sample(mixture, jax.random.key(3), (20_000,))

    density, drawn = probe(value)
    logits, mean, log_variance = MIXTURE
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for n, k in np.ndindex(5, K):
        want = sum(
            weights[k, m]
            * multivariate_normal.pdf(value[n, k], mean[k, m], np.exp(log_variance[k, m]))
            for m in range(2)
        )
        np.testing.assert_allclose(density[n, k], np.log(want), rtol=1e-4)
    np.testing.assert_allclose(drawn.mean(0), np.einsum("km,kmc->kc", weights, mean), atol=0.06)


def test_a_mixture_scores_as_distrax_s_in_value_gradient_and_moments():
    value = jnp.asarray(numbers(5, K, C))

    def theirs(logits, mean, log_variance):
        components = distrax.MultivariateNormalDiag(mean, jnp.exp(0.5 * log_variance))
        return distrax.MixtureSameFamily(distrax.Categorical(logits=logits), components)

    @functools.partial(jax.jit, static_argnums=0)
    def probe(build, *parameters):
        def density(*parameters):
            return log_prob(build(*parameters), value).sum()

        mixture = build(*parameters)
        scores = jax.value_and_grad(density, (0, 1, 2))(*parameters)
        with jax.numpy_rank_promotion("allow"):
            return scores, mixture.mean(), mixture.variance()

    parameters = [jnp.asarray(array) for array in MIXTURE]
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5),
        probe(gaussian_mixture, *parameters),
        probe(theirs, *parameters),
    )


def test_a_mixture_s_draws_have_its_weights_and_the_moments_of_each_component():
    logits, mean = jnp.log(jnp.array([[0.2, 0.8], [0.5, 0.5]])), jnp.zeros((K, 2, C))
    mean = mean.at[:, 1].set(50.0)
    log_variance = jnp.log(jnp.full((K, 2, C), 4.0)).at[:, 1].set(0.0)
    drawn = sample(gaussian_mixture(logits, mean, log_variance), jax.random.key(2), (20_000,))
    drawn = np.asarray(drawn)
    second = drawn[..., 0] > 25
    assert (drawn > 25).all(axis=-1).tolist() == second.tolist()  # one component an item
    np.testing.assert_allclose(second.mean(0), [0.8, 0.5], atol=0.015)
    for k in range(K):
        apart = drawn[second[:, k], k] - 50.0
        np.testing.assert_allclose(np.cov(apart.T), np.eye(C), atol=0.05)
        np.testing.assert_allclose(np.cov(drawn[~second[:, k], k].T), 4 * np.eye(C), atol=0.3)


def test_a_flow_has_the_density_of_its_own_change_of_variables_and_samples_it():
    noise = numbers(K, C)

    @jax.jit
    def probe(noise):
        flow, standard = coupling_flow(*map(jnp.asarray, FLOW)), standard_gaussian((K, C))
        assert (flow.batch_shape, flow.event_shape) == ((K,), (C,))
        with jax.numpy_rank_promotion("allow"):
            value = flow.bijector.forward(noise)
            jacobian = jax.jacfwd(flow.bijector.forward)(noise)  # [K, C, K, C]
            drawn = flow.bijector.inverse(sample(flow, jax.random.key(4), (20_000,)))
        return log_prob(flow, value), log_prob(standard, noise), jacobian, drawn

    density, base, jacobian, drawn = map(np.asarray, probe(noise))
    for k in range(K):
        _, log_det = np.linalg.slogdet(jacobian[k, :, k])
        assert abs(log_det) > 0.1
        np.testing.assert_allclose(density[k], base[k] - log_det, rtol=1e-4)
        assert np.all(jacobian[k, :, 1 - k] == 0)
        np.testing.assert_allclose(drawn[:, k].mean(0), np.zeros(C), atol=0.04)
        np.testing.assert_allclose(np.cov(drawn[:, k].T), np.eye(C), atol=0.05)


def test_kls_to_these_priors_are_estimates_and_say_so():
    exact, draw = [], numbers(4, K, C)

    @jax.jit
    def probe(draw):
        posterior = diagonal_gaussian(jnp.zeros((4, K, C)), jnp.zeros((4, K, C)))
        priors = gaussian_mixture(*map(jnp.asarray, MIXTURE)), coupling_flow(*FLOW)
        found = [kl(posterior, prior, draw) for prior in priors]
        exact.extend(one.exact for one in found)
        want = [log_prob(posterior, draw) - log_prob(prior, draw) for prior in priors]
        return [one.nats for one in found], want

    found, want = probe(draw)
    assert exact == [False, False]
    assert found[0].shape == found[1].shape == (4, K)
    np.testing.assert_allclose(found, want, rtol=1e-5)


@pytest.mark.parametrize("with_features", [False, True])
def test_untrained_priors_are_close_to_standard(with_features):
    features = jnp.array([1.0, -2.0, 0.5]) if with_features else None
    flow, mixture = CouplingLayers((K, C), L, H), MixturePrior((K, 64), components=20)

    @jax.jit
    def probe(value):
        as_flow, _ = flow.init_with_output(jax.random.key(0), features)
        parameters, _ = mixture.init_with_output(jax.random.key(0), features)
        drawn = sample(gaussian_mixture(*parameters), jax.random.key(1), (2_000,))
        standard = log_prob(standard_gaussian((K, C)), value)
        return log_prob(coupling_flow(*as_flow), value), standard, drawn, parameters.mean

    found, want, drawn, means = probe(numbers(K, C))
    np.testing.assert_allclose(found, want, rtol=1e-5)
    assert abs(float(drawn.mean())) < 0.1 and abs(float(drawn.var()) - 1) < 0.15
    apart = np.linalg.norm(means[:, 0] - means[:, 1], axis=-1)
    assert np.all(apart > 4)  # sqrt(64) is expected: components that can part


@pytest.mark.parametrize("prior", [MixturePrior((K, C), 3), CouplingLayers((K, C), L, H)])
def test_features_move_a_prior_and_every_parameter_has_a_gradient(prior):
    build = gaussian_mixture if isinstance(prior, MixturePrior) else coupling_flow
    value = jnp.asarray(numbers(K, C))

    def density(state, features):
        return log_prob(build(*prior.apply(state, features)), value).sum()

    @jax.jit
    def probe(first, second):
        # away from the start, where a flow's last weights are zero
        state = jax.tree.map(lambda leaf: leaf + 0.1, prior.init(jax.random.key(0), first))
        found, gradient = jax.value_and_grad(density)(state, first)
        return found, density(state, second), gradient

    found, other, gradient = probe(jnp.ones(5), -jnp.ones(5))
    assert abs(found - other) > 1e-4
    for leaf in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(leaf)) and np.any(leaf != 0)
