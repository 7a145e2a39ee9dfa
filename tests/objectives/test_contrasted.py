"""The bound with a contrast beside it: the bound is unchanged, devices see each other's sets."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.contrasted import (
    BoundAndPosteriorMeans,
    bound_and_posterior_means,
    contrast_sets,
    contrasted_criterion,
)
from cal_jax.objectives.weighting import Weights, weighted_objective
from tests.small_models import binary_sets, small_model

SETS = 4
CONFIG = {"posterior": SharedExperts(8), "hidden": Hidden(8, 2, "none")}


def found(samples=1):
    """[B, S] of ``bound_and_posterior_means``, of an untrained model."""
    model, variables = small_model(**CONFIG)
    x, a = binary_sets(SETS, 3)

    def one(key, x, a):
        return model.apply(
            variables,
            method=lambda module: bound_and_posterior_means(
                key, module.generative(), module.inference(), x, a
            ),
        )

    keys = jax.random.split(jax.random.key(2), (SETS, samples))
    over_samples = jax.vmap(one, in_axes=(0, None, None))
    return jax.jit(jax.vmap(over_samples))(keys, jnp.asarray(x), jnp.asarray(a))


def on(devices, given):
    """``contrast_sets`` with the sets divided among devices: terms [B]."""
    parts = jax.tree.map(
        lambda leaf: leaf.reshape(devices, SETS // devices, *leaf.shape[1:]), given
    )
    run = jax.pmap(
        functools.partial(contrast_sets, axes=(DEVICE,)), DEVICE, devices=jax.devices()[:devices]
    )
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(SETS, *leaf.shape[2:]), run(parts))


def test_the_bound_is_the_context_aware_learners():
    model, variables = small_model(**CONFIG)
    x, a = binary_sets(1, 3)

    def both(module):
        arguments = (jax.random.key(4), module.generative(), module.inference(), x[0], a[0])
        return bound_and_posterior_means(*arguments).terms, context_aware_elbo(*arguments)

    contrasted, alone = jax.jit(lambda: model.apply(variables, method=both))()
    jax.tree.map(np.testing.assert_array_equal, contrasted, alone)


def test_devices_contrast_each_others_sets():
    given = found()
    spread = given._replace(
        posterior_means=3.0 * jax.random.normal(jax.random.key(0), (SETS, 1, 3, 2, 3))
    )
    one, two = on(1, spread), on(2, spread)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), one, two)
    assert (one.contrast[np.asarray(given.a[:, 0]) > 0] > 0).all()


def test_contrast_and_dependence_are_counted_where_the_label_says():
    terms, labels = on(1, found()), np.asarray(binary_sets(SETS, 3)[1])
    np.testing.assert_array_equal(terms.contrast[labels == 0], 0.0)
    np.testing.assert_array_equal(terms.dependence[labels == 1], 0.0)
    assert np.abs(terms.dependence[labels == 0]).max() > 0


def test_the_criterion_is_the_weighted_objective_less_both():
    terms = on(1, found(samples=2))
    weights = Weights(1.0, {"kl_latent": 2.0, "kl_varying": 3.0})
    criterion = contrasted_criterion(terms, weights, contrast=5.0, dependence=7.0)
    expected = weighted_objective(terms, weights)
    expected = expected - 5.0 * terms.contrast.sum(axis=-1) - 7.0 * terms.dependence.sum(axis=-1)
    np.testing.assert_allclose(criterion, expected, rtol=1e-6)


def test_posterior_means_are_each_items_own():
    given: BoundAndPosteriorMeans = found()
    model, variables = small_model(**CONFIG)
    x, _ = binary_sets(SETS, 3)

    def alone(module):
        inference = module.inference()
        h = inference.encode(jnp.asarray(x[1, :1]))
        return inference.constant_contexts(h, jnp.ones(2), None).mean()

    expected = model.apply(variables, method=alone)
    np.testing.assert_allclose(given.posterior_means[1, 0, 0], expected, rtol=1e-5, atol=1e-6)
