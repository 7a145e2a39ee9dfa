"""Priors of contexts and of z: their KLs, and what each of them sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.mapping import map_model
from cal_jax.models.context_aware.config import Latent
from cal_jax.models.context_aware.priors import CouplingFlow, LearnedGaussian, Mixture, Standard
from tests.models.context_aware.quadrature import moved_model, once, require_agreement

LEARNED = {
    "gaussian": LearnedGaussian,
    "mixture": lambda sees="nothing": Mixture(sees, components=3),
    "flow": lambda sees="nothing": CouplingFlow(sees, layers=2, width=5),
}


@pytest.mark.parametrize("kind", LEARNED)
def test_kls_to_a_prior_that_sees_are_the_integral_in_value_and_gradient(kind):
    prior = LEARNED[kind]
    require_agreement(
        constant_prior=prior("mask"),
        varying_prior=prior("constants"),
        latent=Latent(2, prior("contexts")),
    )


@pytest.mark.parametrize("kind", LEARNED)
def test_kls_to_a_prior_that_sees_nothing_are_the_integral_in_value_and_gradient(kind):
    prior = LEARNED[kind]
    require_agreement(constant_prior=prior(), varying_prior=prior(), latent=Latent(2, Standard()))


def test_kls_to_a_standard_prior_are_the_integral_and_no_parameter_of_a_prior_is_left():
    standard = {
        "constant_prior": Standard(),
        "varying_prior": Standard(),
        "latent": Latent(2, Standard()),
    }
    require_agreement(**standard)
    names = moved_model(**standard)[1]["params"].keys()
    assert not [name for name in names if "prior" in name]


@pytest.mark.parametrize("kind", LEARNED)
def test_a_constant_prior_sees_its_role_alone_unless_told_otherwise(kind):
    for sees, equal in (("nothing", True), ("mask", False)):
        model, variables = moved_model(constant_prior=LEARNED[kind](sees))

        def scores(generative, _, a):
            return generative.constant_prior(a).log_prob(jnp.full((2, 2), 0.4))

        by_mask = once(map_model(scores, model))(variables, jnp.array([[1.0, 0.0], [1.0, 1.0]]))
        assert by_mask.shape == (2, 2)
        assert np.allclose(by_mask[0], by_mask[1]) is equal


@pytest.mark.parametrize("kind", LEARNED)
def test_a_varying_prior_sees_the_constant_contexts_unless_told_otherwise(kind):
    for sees, equal in (("nothing", True), ("constants", False)):
        model, variables = moved_model(varying_prior=LEARNED[kind](sees))

        def scores(generative, _, constants, a):
            return generative.varying_prior(constants, a).log_prob(jnp.full((2, 2), 0.4))

        constants = jnp.stack([jnp.zeros((2, 2)), jnp.ones((2, 2)), jnp.zeros((2, 2))])
        a = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        given = once(map_model(scores, model))(variables, constants, a)
        assert np.allclose(given[0], given[1]) is equal
        assert np.allclose(given[0], given[2]) is equal


@pytest.mark.parametrize("kind", LEARNED)
def test_a_prior_of_z_is_that_of_each_item_s_contexts(kind):
    model, variables = moved_model(latent=Latent(2, LEARNED[kind]("contexts")))
    contexts = jnp.stack([jnp.zeros((2, 2)), jnp.ones((2, 2)), jnp.zeros((2, 2))])

    def probe(generative, _, contexts):
        prior = generative.latent_prior(contexts)
        drawn = prior.sample(seed=jax.random.key(0))
        return prior.log_prob(jnp.full((3, 2), 0.4)), drawn

    scores, drawn = once(map_model(probe, model))(variables, contexts[None])
    assert (scores.shape, drawn.shape) == ((1, 3), (1, 3, 2))
    np.testing.assert_allclose(scores[0, 0], scores[0, 2], rtol=1e-5)
    assert abs(scores[0, 0] - scores[0, 1]) > 1e-3
