"""The neural statistician meets its protocol: sets, masks, layers, basic and full."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.inference.likelihood import item_log_likelihoods, set_log_likelihoods
from cal_jax.inference.mapping import dataset_keys, init_variables, map_model, map_objective
from cal_jax.inference.statistician import generate_items
from cal_jax.models.components.likelihoods import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Normal,
)
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.importance import neural_statistician_log_weights, set_log_weight
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from tests.models.test_vae import made as made_vae

SMALL = {"context_dim": 3, "latent_dim": 4, "layers": 2, "hidden": Hidden(6, 2)}


def made(event_shape=(2,), **changes):
    model = NeuralStatistician(NeuralStatisticianConfig(**{**SMALL, **changes}), event_shape)
    objective = functools.partial(neural_statistician_elbo, layers=model.config.layers)
    x = jnp.zeros((3, *event_shape))
    return model, objective, init_variables(objective, model, jax.random.key(0), x)


def sets(num_sets=4, num_items=5, seed=0):
    return np.random.default_rng(seed).normal(size=(num_sets, num_items, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 1, "full": False},
        {"layers": 3, "hidden": Hidden(6, 2, "layer")},
        {"hidden": Hidden(6, 3, "none", skip=False)},
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


def parameter_count(config, event_shape):
    model = NeuralStatistician(config, event_shape)
    objective = functools.partial(neural_statistician_elbo, layers=config.layers)
    variables = jax.eval_shape(
        lambda: init_variables(objective, model, jax.random.key(0), jnp.zeros((3, *event_shape)))
    )
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def test_the_thesis_s_model_has_as_many_parameters_as_its_layers_say():
    """Trunks of three batch-normalised layers of 128, heads of means and log variances."""

    def trunk(*inputs):
        return 128 * sum(inputs) + 2 * 128 * 128 + 3 * 2 * 128

    def head(size):
        return (128 + 1) * 2 * size

    statistic = trunk(1) + trunk(128) + head(3)
    posterior = trunk(1, 3) + trunk(1, 32, 3) + 2 * head(32)
    prior = trunk(3) + trunk(32, 3) + 2 * head(32)
    decoder = trunk(32, 32, 3) + head(1)
    thesis = NeuralStatisticianConfig()
    assert parameter_count(thesis, (1,)) == statistic + posterior + prior + decoder
    assert thesis.likelihood == Normal(log_variance_range=(-4.0, 3.0))


def test_untrained_items_are_close_to_standard_gaussians():
    model, _, variables = made((2, 3))

    def moments(generative, _, zs):
        items = generative.likelihood((zs, zs), jnp.ones(3))
        return items.mean(), items.log_variance

    zs = np.random.default_rng(0).normal(size=(1, 9, 4)).astype(np.float32)
    mean, log_variance = jax.jit(map_model(moments, model))(variables, zs)
    assert mean.shape == log_variance.shape == (1, 9, 2, 3)
    assert 0 < np.abs(mean).max() < 0.5 and 0 < np.abs(log_variance).max() < 0.5


@pytest.mark.parametrize(
    ("likelihood", "event_shape"),
    [(Normal(0.5), ()), (Bernoulli(), (2, 3)), (DiscretizedLogistic(), (2, 2, 3))],
)
def test_items_of_any_shape_and_likelihood_train(likelihood, event_shape):
    small = {"layers": 1, "hidden": Hidden(6, 1, "none")}
    model, objective, variables = made(event_shape, likelihood=likelihood, **small)
    x = np.random.default_rng(0).integers(0, 2, (2, 3, *event_shape)).astype(np.float32)
    keys = jax.random.split(jax.random.key(1), (2, 1))

    def loss(params):
        terms, _ = map_objective(objective, model)({**variables, "params": params}, keys, x)
        return -terms.elbo.mean()

    gradient = jax.jit(jax.grad(loss))(variables["params"])
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))

    def draw(generative, _, key):
        return generate_items(key, generative, jnp.zeros(3), 5)

    drawn = jax.jit(map_model(draw, model))(variables, jax.random.split(jax.random.key(0), 1))
    assert drawn.samples.shape == drawn.means.shape == (1, 5, *event_shape)


def test_every_network_of_an_item_reads_categories_one_by_one():
    _, _, variables = made((2, 3), likelihood=Categorical(4))
    trunks = [
        variables["params"]["statistic"]["pre_pool"],
        variables["params"]["posterior_trunks_0"],
    ]
    for trunk in trunks:
        assert trunk["embedding"]["input_0"]["kernel"].shape == (2 * 3 * 4, 6)


@pytest.mark.parametrize("event_shape", [(1,), (13, 1), (8, 13)])
def test_items_of_another_shape_are_refused_and_not_broadcast(event_shape):
    model = NeuralStatistician(NeuralStatisticianConfig(), event_shape)
    accepted = ", ".join(["N", *map(str, event_shape)])
    with pytest.raises(InputError) as caught:
        init_variables(neural_statistician_elbo, model, jax.random.key(0), jnp.zeros((8, 13)))
    assert str(caught.value) == f"x: shape [8, 13] of one data set; accepted: [{accepted}]"


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
        (np.zeros((2, 3, 1)), r"data sets: items of shape \[1\]; accepted: \[2\]"),
        (np.zeros((2, 3, 2, 1)), r"data sets: items of shape \[2, 1\]; accepted: \[2\]"),
        (
            [np.zeros((2, 2)), np.zeros((2, 3))],
            r"set 1 has items of shape \[3\]; accepted: \[2\]",
        ),
        ([np.zeros((2, 2)), np.zeros((0, 2))], "set 1"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], "set 1"),
    ],
)
def test_sets_that_cannot_be_used_are_named_in_one_line(bad, message):
    model, _, variables = made()
    with pytest.raises(InputError, match=message) as caught:
        ContextEncoder(model, variables).means(bad)
    assert "\n" not in str(caught.value)


def test_contexts_of_values_that_the_likelihood_does_not_take_are_refused():
    model, _, variables = made(likelihood=Bernoulli())
    with pytest.raises(InputError, match="data sets: values from 0 to 255; accepted: 0 and 1"):
        ContextEncoder(model, variables).means([np.eye(2), np.full((1, 2), 255)])


def test_contexts_of_sets_of_images():
    model, _, variables = made((2, 3))
    x = np.random.default_rng(0).normal(size=(2, 4, 2, 3)).astype(np.float32)
    encoder = ContextEncoder(model, variables)
    means = encoder.means(x)
    assert means.shape == (2, 3)
    np.testing.assert_allclose(encoder.means(list(x), padded_to=6), means, rtol=1e-5, atol=1e-6)


def test_a_basic_model_s_items_do_not_see_the_context():
    for full in (True, False):
        model, _, variables = made(layers=1, full=full)

        def mean(generative, _, c):
            return generative.likelihood((jnp.ones((3, 4)),), c).mean()

        low, high = jax.jit(map_model(mean, model))(variables, jnp.array([[-1.0] * 3, [1.0] * 3]))
        assert np.allclose(low, high) == (not full)


def test_the_likelihood_s_log_variance_is_clamped():
    model, _, variables = made(likelihood=Normal(log_variance_range=(-0.5, 0.25)))
    params = jax.tree.map(lambda leaf: 100.0 * leaf, variables["params"]["item_head"])
    wild = {**variables, "params": {**variables["params"], "item_head": params}}

    def log_variance_of(generative, _, zs):
        return generative.likelihood((zs, zs), jnp.ones(3)).log_variance

    zs = 50.0 * jnp.asarray(np.random.default_rng(0).normal(size=(8, 9, 4)), jnp.float32)
    log_variance = jax.jit(map_model(log_variance_of, model))(wild, zs)
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
    with pytest.raises(InputError, match="num_items: 0; accepted: 1 or more"):
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
        ({"context_dim": 0}, "context_dim must be at least 1"),
    ],
)
def test_bad_sizes_are_named(change, message):
    with pytest.raises(InputError, match=message):
        NeuralStatisticianConfig(**change)
