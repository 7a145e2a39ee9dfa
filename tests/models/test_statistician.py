"""The neural statistician meets its protocol: sets, masks, layers, basic and full."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.evaluation.likelihood import item_log_likelihoods, set_log_likelihoods
from cal_jax.inference.mapping import dataset_keys, init_variables, map_model, map_objective
from cal_jax.inference.statistician import generate_items
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.objectives.importance import neural_statistician_log_weights, set_log_weight
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from tests.models.test_vae import made as made_vae

SMALL = {"item_dim": 2, "context_dim": 3, "latent_dim": 4, "layers": 2, "width": 6, "depth": 2}


def made(**changes):
    model = NeuralStatistician(NeuralStatisticianConfig(**{**SMALL, **changes}))
    objective = functools.partial(neural_statistician_elbo, layers=model.config.layers)
    x = jnp.zeros((3, model.config.item_dim))
    return model, objective, init_variables(objective, model, jax.random.key(0), x)


def sets(num_sets=4, num_items=5, seed=0):
    return np.random.default_rng(seed).normal(size=(num_sets, num_items, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 1, "full": False},
        {"layers": 3, "norm": "layer"},
        {"norm": "none", "skip": False, "depth": 3},
    ],
)
def test_every_choice_trains_with_padding_and_reaches_every_parameter(changes):
    model, objective, variables = made(**changes)
    mask = jnp.asarray([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]] * 2, jnp.float32)
    keys = jax.random.split(jax.random.key(1), (4, 2))
    training = map_objective(objective, model)

    def loss(params):
        terms, _ = training({**variables, "params": params}, keys, sets(), mask=mask)
        return -terms.elbo.mean(), terms

    gradient, terms = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert terms.kl_latents.shape == (4, 2, model.config.layers)
    assert terms.elbo.shape == (4, 2)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_contexts_do_not_depend_on_the_order_or_on_padding():
    model, _, variables = made()
    encoder = ContextEncoder(model, variables)
    x = sets()
    means = encoder.means(x)
    assert means.shape == (4, 3)
    np.testing.assert_allclose(encoder.means(x[:, ::-1]), means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(encoder.means(x, padded_to=9), means, rtol=1e-5, atol=1e-6)
    unequal = encoder.means([x[0], x[1, :2]])
    np.testing.assert_allclose(unequal[0], means[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(unequal[1], encoder.means(x[1:2, :2])[0], rtol=1e-5, atol=1e-6)


def test_padding_shorter_than_a_set_is_refused():
    model, _, variables = made()
    with pytest.raises(InputError, match="padded_to must be at least 5"):
        ContextEncoder(model, variables).means(sets(), padded_to=4)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 3, 1)), "items of 1 features; accepted: 2"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], "set 1 has 3 features; accepted: 2"),
        ([np.zeros((2, 2)), np.zeros((0, 2))], "set 1"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], "set 1"),
    ],
)
def test_sets_that_cannot_be_used_are_named_in_one_line(bad, message):
    model, _, variables = made()
    with pytest.raises(InputError, match=message) as caught:
        ContextEncoder(model, variables).means(bad)
    assert "\n" not in str(caught.value)


def test_a_basic_model_s_items_do_not_see_the_context():
    for full in (True, False):
        model, _, variables = made(layers=1, full=full)

        def mean(generative, _, c):
            return generative.likelihood((jnp.ones((3, 4)),), c).mean()

        low, high = jax.jit(map_model(mean, model))(variables, jnp.array([[-1.0] * 3, [1.0] * 3]))
        assert np.allclose(low, high) == (not full)


def test_the_likelihood_s_log_variance_is_clamped():
    model, _, variables = made(log_variance_range=(-0.5, 0.25))
    params = jax.tree.map(lambda leaf: 100.0 * leaf, variables["params"]["item_head"])
    wild = {**variables, "params": {**variables["params"], "item_head": params}}

    def variance(generative, _, zs):
        return generative.likelihood((zs, zs), jnp.ones(3)).variance()

    zs = 50.0 * jnp.asarray(np.random.default_rng(0).normal(size=(8, 9, 4)), jnp.float32)
    log_variance = np.log(jax.jit(map_model(variance, model))(wild, zs))
    assert log_variance.min() == pytest.approx(-0.5, abs=1e-4)
    assert log_variance.max() == pytest.approx(0.25, abs=1e-4)


def test_generated_items_have_the_model_s_moments():
    """Layer by layer: the draws of many items against the mean of their own likelihoods."""
    model, _, variables = made()

    def draw(generative, _, key, c):
        return generate_items(key, generative, c, 4000, layers=2)

    items = jax.jit(map_model(draw, model))(
        variables, jax.random.split(jax.random.key(0), 1), jnp.ones((1, 3))
    )
    assert items.samples.shape == items.means.shape == (1, 4000, 2)
    spread = np.asarray(items.samples - items.means)[0]
    assert np.all(np.abs(spread.mean(axis=0)) < 5 * spread.std(axis=0) / np.sqrt(4000))
    assert np.all(np.asarray(items.means)[0].std(axis=0) > 0)
    with pytest.raises(InputError, match="must be 1 or more"):
        generate_items(jax.random.key(0), None, jnp.ones(3), 0)


def test_the_likelihood_of_a_set_is_the_nested_bound_in_any_chunks():
    model, _, variables = made()
    key, x = jax.random.key(3), sets(3)

    def one(key, generative, inference, x):
        weights = neural_statistician_log_weights(
            key, generative, inference, x, layers=2, latent_samples=4
        )
        return set_log_weight(weights)

    keys = dataset_keys(key, 0, 3, 6)
    weights, _ = jax.jit(map_objective(one, model, training=False))(variables, keys, x)
    want = jax.nn.logsumexp(weights, axis=1) - np.log(6)
    for chunk, batch in ((6, 3), (4, 2)):
        got = set_log_likelihoods(
            model, variables, key, x, layers=2, contexts=6, latents=4, chunk=chunk, batch=batch
        )
        np.testing.assert_allclose(got, want, rtol=1e-4)


def test_the_likelihood_of_an_item_is_the_importance_weighted_bound_in_any_chunks():
    model, variables = made_vae()
    key = jax.random.key(3)
    x = (np.random.default_rng(0).random((5, 4, 4)) < 0.4).astype(np.float32)
    objective = functools.partial(vae_elbo, kl="monte_carlo")
    keys = dataset_keys(key, 0, 5, 6)
    terms, _ = jax.jit(map_objective(objective, model, training=False))(variables, keys, x)
    want = jax.nn.logsumexp(terms.elbo, axis=1) - np.log(6)
    for chunk, batch in ((6, 5), (2, 2)):
        got = item_log_likelihoods(model, variables, key, x, samples=6, chunk=chunk, batch=batch)
        np.testing.assert_allclose(got, want, rtol=1e-5)
    with pytest.raises(InputError, match="samples must be 1 or more"):
        item_log_likelihoods(model, variables, key, x, samples=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"norm": "group"}, "norm must be one of"),
        ({"log_variance_range": (1.0, 1.0)}, "must be .low, high."),
    ],
)
def test_bad_sizes_are_named(change, message):
    with pytest.raises(InputError, match=message):
        NeuralStatisticianConfig(**change)
