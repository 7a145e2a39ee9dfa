"""The model meets the protocol, at the thesis's size and at others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.mapping import init_variables, map_model, map_objective
from cal_jax.models.context_aware.learner import ContextAwareConfig, ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from tests.small_models import INVERTING, TURNING, binary_sets, small_config, small_model


def parameter_count(config):
    model = ContextAwareLearner(config)
    x = jnp.zeros((1, config.image_size, config.image_size))
    variables = jax.eval_shape(
        lambda: init_variables(
            context_aware_elbo, model, jax.random.key(0), x, jnp.zeros(config.num_contexts)
        )
    )
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def test_the_thesis_s_model_has_1_6_million_parameters():
    assert parameter_count(ContextAwareConfig()) == 1_621_281


def test_parameters_grow_linearly_in_the_number_of_contexts():
    counts = [parameter_count(small_config(num_contexts=k)) for k in (1, 2, 3, 4)]
    assert len(set(np.diff(counts))) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"image_network": "convolutional"},
        {"norm": "layer"},
        {"norm": "none", "skip": False},
        {"context_prior": "standard", "latent_prior": "standard"},
        {"prior_sees_label": True},
        {"context_prior": "mixture"},
        {"context_prior": "flow", "prior_sees_label": True},
        {"num_contexts": 3, "context_dim": 2, "latent_dim": 5, "depth": 3},
        {"constant_posterior": "attention"},
        {"constant_posterior": "experts"},
        {"constant_posterior": "experts", "tied": True},
        {"context_covariance": "full", "prior_sees_constants": False},
        {"context_prior": "mixture", "prior_sees_constants": False},
        TURNING,
        {**TURNING, "inverting_context": 2, "num_contexts": 3},
        {**INVERTING, "image_network": "convolutional"},
    ],
)
def test_every_choice_trains_and_evaluates(changes):
    model, variables = small_model(**changes)
    x, _ = binary_sets(2, 3)
    labels = np.zeros((2, model.config.num_contexts), np.float32)
    labels[:, 0] = 1
    keys = jax.random.split(jax.random.key(1), (2, 2))
    training = map_objective(context_aware_elbo, model)
    evaluation = map_objective(context_aware_elbo, model, training=False)

    def loss(params):
        terms, _ = training({**variables, "params": params}, keys, x, labels)
        return -terms.elbo.mean()

    value, gradient = jax.jit(jax.value_and_grad(loss))(variables["params"])
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    assert np.all(np.isfinite(jax.jit(evaluation)(variables, keys, x, labels)[0].elbo))


def test_each_callable_has_the_documented_batch_and_event_shapes():
    model, variables = small_model()
    c = model.config
    shapes = {}

    def probe(generative, inference, x, a):
        h = inference.encode(x)
        constants = jnp.zeros((c.num_contexts, c.context_dim))
        contexts = jnp.zeros((len(x), c.num_contexts, c.context_dim))
        z = jnp.zeros((len(x), c.latent_dim))
        for name, distribution in {
            "constant_contexts": inference.constant_contexts(h, a, None),
            "varying_contexts": inference.varying_contexts(h, constants, a),
            "latent": inference.latent(h, contexts),
            "constant_prior": generative.constant_prior(a),
            "varying_prior": generative.varying_prior(constants, a),
            "latent_prior": generative.latent_prior(contexts),
            "likelihood": generative.likelihood(z, contexts),
        }.items():
            shapes[name] = (distribution.batch_shape, distribution.event_shape)
        return h

    x, labels = binary_sets(1, 4)
    map_model(probe, model)(variables, x, labels)
    context, latent = (c.context_dim,), (c.latent_dim,)
    assert shapes == {
        "constant_contexts": ((2,), context),
        "varying_contexts": ((4, 2), context),
        "latent": ((4,), latent),
        "constant_prior": ((2,), context),
        "varying_prior": ((2,), context),
        "latent_prior": ((4,), latent),
        "likelihood": ((4,), (8, 8)),
    }


@pytest.mark.parametrize("prior", ["mixture", "flow"])
def test_the_bound_of_a_rich_prior_takes_its_estimate_from_the_samples_themselves(prior):
    """Its KLs of contexts are those of the Monte Carlo form; z's stays in closed form."""
    model, variables = small_model(context_prior=prior)
    x, labels = binary_sets(2, 3)
    keys = jax.random.split(jax.random.key(1), (2, 1))
    forms = [
        map_objective(context_aware_elbo, model, training=False, kl=method)
        for method in ("analytic", "monte_carlo")
    ]

    @jax.jit
    def both(x, labels):
        return [form(variables, keys, x, labels)[0] for form in forms]

    analytic, monte_carlo = both(x, labels)
    np.testing.assert_allclose(analytic.kl_constant, monte_carlo.kl_constant, rtol=1e-5)
    np.testing.assert_allclose(analytic.kl_varying, monte_carlo.kl_varying, rtol=1e-5)
    assert not np.allclose(analytic.kl_latent, monte_carlo.kl_latent)


@pytest.mark.parametrize("tied", [False, True])
def test_tied_posteriors_are_those_of_the_same_experts(tied):
    """A set of one item: its constant posterior is its varying one, whatever the constants."""
    model, variables = small_model(constant_posterior="experts", tied=tied)

    def moments(generative, inference, x, constants):
        h, a = inference.encode(x), jnp.array([1.0, 0.0])
        constant = inference.constant_contexts(h, a, None)
        varying = inference.varying_contexts(h, constants, a)
        return constant.mean(), varying.mean(), constant.variance(), varying.variance()

    x, _ = binary_sets(2, 1)
    constants = jnp.ones((2, 2, 3))
    posteriors = jax.jit(map_model(moments, model))
    got = posteriors(variables, x, constants)
    assert np.allclose(got[0], got[1][:, 0], atol=1e-6) is tied
    assert np.allclose(got[2], got[3][:, 0], atol=1e-6) is tied
    other = posteriors(variables, x, 5 * constants)
    assert np.allclose(other[1], got[1], atol=1e-6) is tied


@pytest.mark.parametrize("choice", ["statistic", "experts", "attention"])
def test_padding_and_the_order_of_the_items_change_no_posterior_of_a_constant_context(choice):
    model, variables = small_model(constant_posterior=choice)
    x, _ = binary_sets(1, 6)
    mask = np.array([[1, 0, 1, 1, 0, 1]], np.float32)
    order = np.array([3, 0, 5, 1, 4, 2])

    def means(generative, inference, x, mask):
        return inference.constant_contexts(inference.encode(x), jnp.ones(2), mask).mean()

    posterior = jax.jit(map_model(means, model))
    want = posterior(variables, x, mask)
    assert np.any(np.abs(want) > 1e-4)
    alone = posterior(variables, x[:, mask[0] > 0], np.ones((1, 4), np.float32))
    np.testing.assert_allclose(alone, want, atol=1e-5)
    np.testing.assert_allclose(posterior(variables, x[:, order], mask[:, order]), want, atol=1e-5)
    changed = np.where(mask[..., None, None] > 0, x, 1 - x)
    np.testing.assert_allclose(posterior(variables, changed, mask), want, atol=1e-5)


@pytest.mark.parametrize("prior", ["learned", "mixture"])
def test_a_constant_prior_sees_its_role_alone_unless_told_otherwise(prior):
    for sees, equal in ((False, True), (True, False)):
        model, variables = small_model(prior_sees_label=sees, context_prior=prior)

        def means(generative, _, a):
            return generative.constant_prior(a).mean()

        by_label = jax.jit(map_model(means, model))(variables, jnp.array([[1.0, 0.0], [1.0, 1.0]]))
        assert np.allclose(by_label[0], by_label[1]) is equal


@pytest.mark.parametrize("prior", ["learned", "mixture"])
def test_a_varying_prior_sees_the_constant_contexts_unless_told_otherwise(prior):
    for sees, equal in ((False, True), (True, False)):
        model, variables = small_model(prior_sees_constants=sees, context_prior=prior)

        def means(generative, _, constants):
            return generative.varying_prior(constants, jnp.array([1.0, 0.0])).mean()

        constants = jnp.stack([jnp.zeros((2, 3)), jnp.ones((2, 3))])
        given = jax.jit(map_model(means, model))(variables, constants)
        assert np.allclose(given[0], given[1]) is equal


@pytest.mark.parametrize(("covariance", "correlated"), [("diagonal", False), ("full", True)])
def test_posteriors_of_contexts_have_full_covariances_where_asked(covariance, correlated):
    model, variables = small_model(context_covariance=covariance)
    x, labels = binary_sets(1, 3)

    def covariances(_, inference, x, a):
        h = inference.encode(x)
        varying = inference.varying_contexts(h, jnp.zeros((2, 3)), a)
        with jax.numpy_rank_promotion("allow"):
            draws = varying.sample(seed=jax.random.key(0), sample_shape=(20_000,))
        return jnp.cov(draws[:, 0, 0], rowvar=False), varying.log_prob(draws[0])

    sampled, log_prob = jax.jit(map_model(covariances, model))(variables, x, labels)
    assert log_prob.shape == (1, 3, 2)
    off_diagonal = sampled[0] - np.diag(np.diag(sampled[0]))
    assert bool(np.abs(off_diagonal).max() > 0.05) is correlated


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "group"}, "norm must be one of batch, layer, none"),
        ({"context_prior": "vamp"}, "context_prior must be one of learned, standard, mixture"),
        ({"prior_components": 0}, "prior_components must be at least 1"),
        ({"image_network": "vit"}, "image_network must be one of"),
        ({"num_contexts": 0}, "num_contexts must be at least 1"),
        ({"constant_posterior": "mean"}, "one of statistic, experts, attention"),
        (
            {"context_covariance": "full", "constant_posterior": "experts"},
            "context_covariance must be diagonal where constant_posterior is experts",
        ),
        ({"turning_context": 2}, "turning_context must be None or one of 2 contexts"),
        ({"inverting_context": -1}, "inverting_context must be None or one of 2 contexts"),
        ({"turning_context": 0, "inverting_context": 0}, "must be different contexts"),
        ({"turning_context": 0, "inverting_context": 1}, "leave one that they act on"),
        (
            {"inverting_context": 1},
            "turning_context and inverting_context must be None where tied is False",
        ),
        ({**TURNING, "context_dim": 3}, "context_dim must be at least 4 where a context turns"),
        (
            {**TURNING, "image_network": "convolutional"},
            "turning_context must be None where image_network is convolutional",
        ),
        ({"tied": True}, "tied must be False where constant_posterior is statistic"),
        ({"constant_posterior": "attention", "attention_heads": 3}, "must divide statistic_width"),
    ],
)
def test_bad_choices_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        small_config(**changes)
