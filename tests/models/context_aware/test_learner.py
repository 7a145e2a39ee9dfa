"""The model meets the protocol, at the thesis's size and at others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.mapping import init_variables, map_model, map_objective
from cal_jax.models.components.likelihoods import Categorical, DiscretizedLogistic, Normal
from cal_jax.models.context_aware.config import ContextAwareConfig, Latent
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import (
    Attention,
    Experts,
    FlowPosterior,
    SharedExperts,
    Statistic,
)
from cal_jax.models.context_aware.priors import CouplingFlow, LearnedGaussian, Mixture, Standard
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo
from tests.small_models import (
    BOTH_ACTIONS,
    CONVOLUTIONAL,
    INVERTING,
    ROTATING,
    binary_sets,
    contexts_of,
    small_config,
    small_model,
)

MIXTURES = {"constant_prior": Mixture(), "varying_prior": Mixture(sees="constants")}
RANDOM = np.random.default_rng(0)


def parameter_count(config, size=8):
    model = ContextAwareLearner(config, (size, size))
    x = jnp.zeros((1, size, size))
    variables = jax.eval_shape(
        lambda: init_variables(
            context_aware_elbo, model, jax.random.key(0), x, jnp.zeros(config.num_contexts)
        )
    )
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def test_the_thesis_s_model_has_1_6_million_parameters():
    assert parameter_count(ContextAwareConfig(), size=28) == 1_621_281


def test_parameters_grow_linearly_in_the_number_of_contexts():
    counts = [parameter_count(small_config(contexts=contexts_of(k))) for k in (1, 2, 3, 4)]
    assert len(set(np.diff(counts))) == 1


def require_training_and_evaluation(model, variables, x):
    """Bounds of sets x [M, N, *X] are finite in training and in evaluation, with gradients."""
    labels = np.zeros((len(x), model.config.num_contexts), np.float32)
    labels[:, 0] = 1
    keys = jax.random.split(jax.random.key(1), (len(x), 2))
    training = map_objective(context_aware_elbo, model)
    evaluation = map_objective(context_aware_elbo, model, training=False)

    def loss(params):
        terms, _ = training({**variables, "params": params}, keys, x, labels)
        return -terms.elbo.mean()

    @jax.jit
    def both(params):
        return jax.value_and_grad(loss)(params), evaluation(variables, keys, x, labels)[0].elbo

    (value, gradient), evaluated = both(variables["params"])
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    assert np.all(np.isfinite(evaluated))
    return gradient


@pytest.mark.parametrize(
    "changes",
    [
        {},
        CONVOLUTIONAL,
        {"hidden": Hidden(8, 2, norm="layer")},
        {"hidden": Hidden(8, 2, norm="none", skip=False)},
        {
            "constant_prior": Standard(),
            "varying_prior": Standard(),
            "latent": Latent(2, Standard()),
        },
        {"constant_prior": LearnedGaussian(sees="mask")},
        MIXTURES,
        {
            "constant_prior": CouplingFlow(sees="mask"),
            "varying_prior": CouplingFlow(sees="constants"),
        },
        {
            "contexts": contexts_of(3),
            "context_dim": 2,
            "latent": Latent(5),
            "hidden": Hidden(8, 3),
        },
        {"posterior": Attention(8)},
        {"posterior": Experts(8)},
        {"posterior": SharedExperts(8)},
        {"posterior": Statistic(8, "full"), "varying_prior": LearnedGaussian()},
        {"constant_prior": Mixture(), "varying_prior": Mixture()},
        ROTATING,
        BOTH_ACTIONS,
        {**INVERTING, **CONVOLUTIONAL},
        {"posterior": FlowPosterior(8)},
        {"contexts": contexts_of(1)},
        {"contexts": contexts_of(6), "latent": Latent(2, Mixture(sees="contexts"))},
    ],
)
def test_every_choice_trains_and_evaluates(changes):
    require_training_and_evaluation(*small_model(**changes), binary_sets(2, 3)[0])


@pytest.mark.parametrize(
    ("event_shape", "likelihood", "draw"),
    [
        ((10,), Normal(), RANDOM.normal),
        ((12, 9), Normal(scale=0.5), RANDOM.normal),
        ((12, 9, 3), DiscretizedLogistic(), lambda size: RANDOM.integers(256, size=size)),
        ((7, 4), Categorical(5), lambda size: RANDOM.integers(5, size=size)),
    ],
    ids=["vector", "image", "colour", "sequence"],
)
def test_items_of_any_shape_train_and_evaluate(event_shape, likelihood, draw):
    x = draw(size=(2, 3, *event_shape)).astype(np.float32)
    model, variables = small_model(event_shape, likelihood=likelihood)
    gradient = require_training_and_evaluation(model, variables, x)
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient["encoder"]))


def test_items_of_another_shape_are_named():
    model, variables = small_model()
    encode = map_model(lambda _, inference, x: inference.encode(x).x, model)
    with pytest.raises(InputError, match=r"x: shape \[3, 9, 9\] .* accepted: \[N, 8, 8\]"):
        encode(variables, np.zeros((1, 3, 9, 9), np.float32))


def test_each_callable_has_the_documented_batch_and_event_shapes():
    model, variables = small_model()
    c = model.config
    shapes = {}

    def probe(generative, inference, x, a):
        h = inference.encode(x)
        constants = jnp.zeros((c.num_contexts, c.context_dim))
        contexts = jnp.zeros((len(x), c.num_contexts, c.context_dim))
        z = jnp.zeros((len(x), c.latent.dim))
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
    context, latent = (c.context_dim,), (c.latent.dim,)
    assert shapes == {
        "constant_contexts": ((2,), context),
        "varying_contexts": ((4, 2), context),
        "latent": ((4,), latent),
        "constant_prior": ((2,), context),
        "varying_prior": ((2,), context),
        "latent_prior": ((4,), latent),
        "likelihood": ((4,), (8, 8)),
    }


@pytest.mark.parametrize(
    "priors",
    [
        MIXTURES,
        {"constant_prior": CouplingFlow(), "varying_prior": CouplingFlow(sees="constants")},
    ],
    ids=["mixture", "flow"],
)
def test_the_bound_of_a_rich_prior_takes_its_estimate_from_the_samples_themselves(priors):
    """Its KLs of contexts are those of the Monte Carlo form; z's stays in closed form."""
    model, variables = small_model(**priors)
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
