"""The gradient of the bound with an inferred label: exact, straight-through, Rao-Blackwellised."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.label_case import LOG_PRIOR, POSTERIOR, WRONG, bound, standard_error


@pytest.fixture(name="gradients", scope="module")
def gradients_of_the_logits():
    """d elbo / d logits at exact context posteriors and a wrong q(a|D), by temperature:
    2,000 samples of each."""

    def one(key, temperature):
        def elbo(logits, name):
            return bound(key, name, logits=logits, temperature=temperature).elbo

        return {name: jax.grad(elbo)(WRONG, name) for name in ("exact", "gumbel", "rao")}

    sampled = jax.jit(jax.vmap(one, in_axes=(0, None)))
    keys = jax.random.split(jax.random.key(0), 2000)
    return {
        temperature: jax.tree.map(lambda g: np.asarray(g, np.float64), sampled(keys, temperature))
        for temperature in (0.2, 2.0)
    }


def true_gradient():
    return np.asarray(jax.grad(lambda logits: -_kl_to_posterior(logits))(WRONG), np.float64)


def _kl_to_posterior(logits):
    log_q = jax.nn.log_softmax(logits)
    return jnp.sum(jnp.exp(log_q) * (log_q - POSTERIOR))


def test_exact_has_the_true_gradient_without_any_noise_of_the_label(gradients):
    """At exact context posteriors every ELBO_a is constant, and no other noise is left."""
    for of_temperature in gradients.values():
        exact, gumbel = of_temperature["exact"], of_temperature["gumbel"]
        np.testing.assert_allclose(exact, np.broadcast_to(true_gradient(), exact.shape), atol=2e-4)
        assert exact.var(axis=0).sum() < 1e-4 * gumbel.var(axis=0).sum()


def test_straight_through_is_biased(gradients):
    gumbel = gradients[2.0]["gumbel"]
    bias = gumbel.mean(axis=0) - true_gradient()
    assert np.max(np.abs(bias) / standard_error(gumbel)) > 10


def test_rao_has_the_mean_of_straight_through_and_less_variance(gradients):
    for of_temperature in gradients.values():
        gumbel, rao = of_temperature["gumbel"], of_temperature["rao"]
        error = np.hypot(standard_error(gumbel), standard_error(rao))
        assert np.all(np.abs(gumbel.mean(axis=0) - rao.mean(axis=0)) < 5 * error)
    cold = gradients[0.2]
    assert cold["rao"].var(axis=0).sum() < 0.8 * cold["gumbel"].var(axis=0).sum()


def test_marginal_s_parts_have_the_gradient_of_the_log_of_the_sum():
    """The shares that the parts are averaged by are held fixed: the bound's gradient is whole."""

    def both(shift):
        terms = bound(jax.random.key(3), "marginal", shift=shift)
        log_weights = jax.nn.log_softmax(LOG_PRIOR) + terms.elbo_per_label
        return terms.elbo, jax.nn.logsumexp(log_weights)

    values, slopes = jax.jit(lambda shift: jax.jvp(both, (shift,), (1.0,)))(0.3)
    np.testing.assert_allclose(*values, rtol=1e-5)
    np.testing.assert_allclose(*slopes, rtol=1e-4)
