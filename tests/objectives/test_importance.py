"""Importance-weighted bounds of items and sets against exact evidence, and their reductions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.importance import (
    NestedLogWeights,
    importance_weighted,
    nested_bound,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from tests.linear_gaussian_statistician import linear_statistician, linear_vae

NUM_ITEMS = 3


def moved(model, size=0.4):
    """An inference whose posteriors are off by ``size`` in their means and log scales."""
    return model.inference(jax.tree.map(lambda zeros: zeros + size, model.zeros()))


def set_of(model, seed=3):
    return model.sample(np.random.default_rng(seed), NUM_ITEMS)


def padded(x, length):
    """x and padding of NaN, and the mask."""
    padding = np.full((length - len(x), *x.shape[1:]), np.nan, np.float32)
    return np.concatenate([x, padding]), (np.arange(length) < len(x)).astype(np.float32)


def samples_of(function, count, seed=0):
    return jax.jit(jax.vmap(function))(jax.random.split(jax.random.key(seed), count))


def log_weights_of(model, inference, x, count, mask=None, latents=1, seed=0):
    """NestedLogWeights of ``count`` contexts: context [count], items [count, N, S]."""

    def one(key):
        return neural_statistician_log_weights(
            key,
            model.generative(),
            inference,
            x,
            layers=model.layers,
            latent_samples=latents,
            mask=mask,
        )

    return samples_of(one, count, seed)


def mean_and_error(values):
    values = np.asarray(values, np.float64)
    return values.mean(), values.std() / np.sqrt(values.size)


def assert_rises_to(bounds, evidence):
    """Means of bounds rise by more than 5 standard errors each, and stay below the evidence."""
    statistics = [mean_and_error(values) for values in bounds]
    for (lower, lower_error), (higher, error) in itertools.pairwise(statistics):
        assert higher - lower > 5 * np.hypot(lower_error, error)
    assert all(mean < evidence + 5 * error for mean, error in statistics)
    assert statistics[0][0] < evidence - 0.2


@pytest.mark.parametrize("axis", [0, -1])
def test_the_bound_of_samples_is_the_log_of_their_mean_weight(axis):
    log_weights = np.random.default_rng(0).normal(size=(4, 7)) * 3 - 1000
    peak = log_weights.max(axis=axis, keepdims=True)
    want = np.log(np.mean(np.exp(log_weights - peak), axis=axis)) + peak.squeeze(axis)
    got = importance_weighted(jnp.asarray(log_weights, jnp.float32), axis=axis)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_the_log_weight_of_an_item_is_its_monte_carlo_bound():
    model = linear_vae()
    x = set_of(model)[0]

    def both(key):
        arguments = (key, model.generative(), moved(model), x)
        return vae_log_weight(*arguments), vae_elbo(*arguments, kl="monte_carlo").elbo

    log_weights, bounds = samples_of(both, 5)
    np.testing.assert_allclose(log_weights, bounds, rtol=1e-6)


def test_an_item_s_bound_rises_with_its_samples_to_the_evidence():
    model = linear_vae()
    x = set_of(model)[0]

    def one(key):
        return vae_log_weight(key, model.generative(), moved(model), x)

    log_weights = samples_of(one, 500_000)
    evidence = model.log_evidence(x)
    bounds = jax.jit(
        lambda weights: [
            importance_weighted(weights.reshape(-1, size)) for size in (1, 5, 50, 5000)
        ]
    )(log_weights)
    assert_rises_to(bounds[:3], evidence)
    assert abs(mean_and_error(bounds[3])[0] - evidence) < 0.01
    assert mean_and_error(bounds[2])[0] < mean_and_error(bounds[3])[0]


@pytest.mark.parametrize(("layers", "latents"), [(1, 1), (2, 3)])
def test_at_the_exact_posterior_every_weight_of_a_set_is_the_evidence(layers, latents):
    """Of a set with padding; an item's weights are all log p(x_n | c), whatever z."""
    model = linear_statistician(layers)
    counted = set_of(model)
    x, mask = padded(counted, NUM_ITEMS + 2)
    weights = log_weights_of(model, model.inference(), x, 200, mask, latents)
    assert weights.context.shape == (200,) and weights.items.shape == (200, len(x), latents)
    evidence = model.log_evidence(counted)
    np.testing.assert_allclose(set_log_weight(weights, mask), evidence, rtol=1e-4)
    np.testing.assert_allclose(nested_bound(weights, mask), evidence, rtol=1e-5)
    of_the_items = np.asarray(weights.items)[:, :NUM_ITEMS]
    assert np.ptp(of_the_items, axis=-1).max() < 1e-4
    assert np.std(of_the_items, axis=0).min() > 0.1


def test_one_context_and_one_latent_are_the_monte_carlo_bound():
    model = linear_statistician(2)
    x, mask = padded(set_of(model), NUM_ITEMS + 2)

    def bound(key):
        return neural_statistician_elbo(
            key, model.generative(), moved(model), x, layers=2, mask=mask, kl="monte_carlo"
        ).elbo

    weights = log_weights_of(model, moved(model), x, 5, mask)
    one_context = jax.tree.map(lambda part: part[:, None], weights)
    np.testing.assert_allclose(nested_bound(one_context, mask), samples_of(bound, 5), rtol=1e-5)


def test_the_bound_of_a_set_rises_with_latents_and_with_contexts_to_the_evidence():
    model = linear_statistician(2)
    x, evidence = set_of(model), model.log_evidence(set_of(model))
    weights = log_weights_of(model, moved(model, 0.2), x, 40_000, latents=8)

    @jax.jit
    def bounds(weights):
        def bound(contexts, latents):
            few = weights._replace(items=weights.items[..., :latents])
            return nested_bound(
                jax.tree.map(lambda part: part.reshape(-1, contexts, *part.shape[1:]), few)
            )

        return (
            [bound(1, latents) for latents in (1, 3, 8)],
            [bound(contexts, 1) for contexts in (1, 5, 50)],
            bound(5_000, 8),
        )

    of_latents, of_contexts, of_many = bounds(weights)
    assert_rises_to(of_latents, evidence)
    assert_rises_to(of_contexts, evidence)
    assert abs(mean_and_error(of_many)[0] - evidence) < 0.01


def test_the_nested_bound_is_the_written_out_mean_of_products():
    rng = np.random.default_rng(1)
    context, items = rng.normal(size=(2, 5)), rng.normal(size=(2, 5, 4, 3))
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 0]], np.float32)
    weights = NestedLogWeights(jnp.asarray(context), jnp.asarray(items))
    for one_mask in (None, mask, mask[0]):
        counts = np.broadcast_to(1 if one_mask is None else one_mask, (2, 4))
        averages = np.exp(items).mean(axis=-1) ** counts[:, None, :]
        want = np.log(np.mean(np.exp(context) * averages.prod(axis=-1), axis=-1))
        np.testing.assert_allclose(jax.jit(nested_bound)(weights, one_mask), want, rtol=1e-5)


def test_neither_padding_nor_its_length_changes_the_weights_of_the_items_that_count():
    model = linear_statistician(2)
    counted = set_of(model)
    want = log_weights_of(model, moved(model), counted, 4, latents=3)
    x, mask = padded(counted, NUM_ITEMS + 4)
    got = log_weights_of(model, moved(model), x, 4, mask, latents=3)
    np.testing.assert_allclose(got.items[:, :NUM_ITEMS], want.items, rtol=1e-5, atol=1e-5)
    bound = jax.jit(nested_bound)
    np.testing.assert_allclose(bound(got, mask), bound(want), rtol=1e-5)


def test_features_may_be_any_tree_of_arrays():
    model = linear_statistician(1)
    x, exact = set_of(model), moved(model)
    tree = moved(model)
    tree.encode = lambda x: {"items": x}
    tree.context = lambda h, mask: exact.context(h["items"], mask)
    tree.latent = lambda layer, h, z_above, c: exact.latent(layer, h["items"], z_above, c)
    want, got = (log_weights_of(model, one, x, 2, latents=3) for one in (exact, tree))
    np.testing.assert_allclose(got.items, want.items, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((0, 3), np.float32)}, "x: shape .* of one item or more"),
        ({"mask": jnp.ones(NUM_ITEMS + 1)}, "one entry an item"),
        ({"layers": 0}, "layers: 0; accepted: 1 or more"),
        ({"latent_samples": 0}, "latent_samples must be 1 or more: got 0"),
    ],
)
def test_bad_arguments_are_named(change, message):
    model = linear_statistician(1)
    arguments = {"x": set_of(model), **change}
    with pytest.raises(InputError, match=message):
        neural_statistician_log_weights(
            jax.random.key(0), model.generative(), model.inference(), **arguments
        )


def test_a_bound_without_samples_is_named():
    with pytest.raises(InputError, match="at least one sample: axis -1 has 0"):
        importance_weighted(jnp.zeros((3, 0)))
