"""Posteriors of contexts: their KLs, what changes them and what does not, and one of one's own."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import diagonal_gaussian
from cal_jax.inference.mapping import map_model, map_objective
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.posteriors import (
    Attention,
    ContextPosterior,
    Experts,
    FlowPosterior,
    SharedExperts,
    Statistic,
)
from cal_jax.nn.dense import GaussianHead
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.statistic import mean_pool
from cal_jax.objectives.context_aware import context_aware_elbo
from tests.models.context_aware.quadrature import moved_model, once, require_agreement
from tests.small_models import binary_sets, small_model


@dataclass(frozen=True)
class MeanOfFeatures(ContextPosterior):
    """A posterior that the library does not name: heads on features, or on their mean."""

    def networks(self, sizes):
        return {name: GaussianHead(sizes.contexts) for name in ("constant", "varying")}

    def constant(self, networks, evidence, ctx):
        return diagonal_gaussian(*networks["constant"](mean_pool(evidence.features, ctx.mask)))

    def varying(self, networks, evidence, constants, a, ctx):
        return diagonal_gaussian(*networks["varying"](evidence.features))


POSTERIORS = {
    "statistic": Statistic(8),
    "full": Statistic(8, "full"),
    "attention": Attention(8),
    "experts": Experts(8),
    "shared-experts": SharedExperts(8),
    "flow": FlowPosterior(8, layers=2, flow_width=5),
    "own": MeanOfFeatures(),
}


@pytest.mark.parametrize("name", POSTERIORS)
def test_kls_are_the_integral_in_value_and_gradient(name):
    require_agreement(("constant", "varying"), posterior=POSTERIORS[name])


@pytest.mark.parametrize("name", POSTERIORS)
def test_padding_and_the_order_of_the_items_change_no_posterior(name):
    """Batch and event shapes are the documented ones."""
    model, variables = moved_model(posterior=POSTERIORS[name])
    x, _ = binary_sets(1, 6)
    mask = np.array([[1, 0, 1, 1, 0, 1]], np.float32)
    order = np.array([3, 0, 5, 1, 4, 2])
    at = jnp.array([0.3, -0.2])

    def scores(_, inference, x, mask):
        h, a = inference.encode(x), jnp.ones(2)
        constant = inference.constant_contexts(h, a, mask)
        varying = inference.varying_contexts(h, jnp.ones((2, 2)), a)
        assert (constant.batch_shape, constant.event_shape) == ((2,), (2,))
        assert (varying.batch_shape, varying.event_shape) == ((len(x), 2), (2,))
        return (
            constant.log_prob(jnp.broadcast_to(at, (2, 2))),
            varying.log_prob(jnp.broadcast_to(at, (len(x), 2, 2))),
            constant.mean(),
        )

    posterior = once(map_model(scores, model))
    junk = np.where(mask[..., None, None] > 0, x, 1 - x)
    other = np.where(np.arange(6)[:, None, None] == 0, 1 - x, x)
    many = np.concatenate([x, x[:, order], junk, other])
    masks = np.concatenate([mask, mask[:, order], mask, mask])
    whole, items, means = (np.asarray(found) for found in posterior(variables, many, masks))
    alone, alone_items, _ = posterior(variables, x[:, mask[0] > 0], np.ones((1, 4), np.float32))

    def require_close(got, want):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)

    assert np.any(np.abs(means[0]) > 1e-4)
    require_close(alone[0], whole[0])
    require_close(alone_items[0], items[0, mask[0] > 0])
    require_close(whole[1], whole[0])
    require_close(items[1], items[0, order])
    require_close(whole[2], whole[0])
    assert np.abs(whole[3] - whole[0]).max() > 1e-2


@pytest.mark.parametrize("posterior", [Statistic, Attention])
@pytest.mark.parametrize(("covariance", "correlated"), [("diagonal", False), ("full", True)])
def test_posteriors_of_contexts_have_full_covariances_where_asked(
    posterior, covariance, correlated
):
    model, variables = small_model(posterior=posterior(8, covariance))
    x, labels = binary_sets(1, 3)

    def covariances(_, inference, x, a):
        h = inference.encode(x)
        varying = inference.varying_contexts(h, jnp.zeros((2, 3)), a)
        with jax.numpy_rank_promotion("allow"):
            draws = varying.sample(seed=jax.random.key(0), sample_shape=(20_000,))
        return jnp.cov(draws[:, 0, 0], rowvar=False), varying.log_prob(draws[0])

    sampled, log_prob = once(map_model(covariances, model))(variables, x, labels)
    assert log_prob.shape == (1, 3, 2)
    off_diagonal = sampled[0] - np.diag(np.diag(sampled[0]))
    assert bool(np.abs(off_diagonal).max() > 0.05) is correlated


@pytest.mark.parametrize(("posterior", "shared"), [(Experts, False), (SharedExperts, True)])
def test_shared_posteriors_are_those_of_the_same_experts(posterior, shared):
    """A set of one item: its constant posterior is its varying one, whatever the constants."""
    model, variables = small_model(posterior=posterior(8))

    def moments(generative, inference, x, constants):
        h, a = inference.encode(x), jnp.array([1.0, 0.0])
        constant = inference.constant_contexts(h, a, None)
        varying = inference.varying_contexts(h, constants, a)
        return constant.mean(), varying.mean(), constant.variance(), varying.variance()

    x, _ = binary_sets(2, 1)
    constants = jnp.ones((2, 2, 3))
    posteriors = once(map_model(moments, model))
    got = posteriors(variables, x, constants)
    assert np.allclose(got[0], got[1][:, 0], atol=1e-6) is shared
    assert np.allclose(got[2], got[3][:, 0], atol=1e-6) is shared
    other = posteriors(variables, x, 5 * constants)
    assert np.allclose(other[1], got[1], atol=1e-6) is shared


@pytest.mark.parametrize("posterior", [Statistic(8), Attention(8), Experts(8)])
def test_untrained_posteriors_have_moments_and_items_sharpen_those_of_experts(posterior):
    model, variables = small_model(posterior=posterior)

    def variance(_, inference, x):
        return inference.constant_contexts(inference.encode(x), jnp.ones(2), None).variance()

    of = once(map_model(variance, model))
    few, many = (of(variables, binary_sets(1, count)[0]) for count in (1, 12))
    assert np.all(few > 0) and np.all(np.isfinite(few))
    if isinstance(posterior, Experts):
        assert np.all(many < few)


def test_a_posterior_of_one_s_own_is_one_class():
    """It trains a step, which improves the bound, and answers as any other does."""
    model, variables = small_model(posterior=MeanOfFeatures(), hidden=Hidden(8, 2, "none"))
    x, a = binary_sets(4, 5)
    keys = jax.random.split(jax.random.key(1), (4, 1))
    mapped = map_objective(context_aware_elbo, model)

    @once
    def step(params):
        def loss(params):
            return -mapped({**variables, "params": params}, keys, x, a)[0].elbo.mean()

        value, slope = jax.value_and_grad(loss)(params)
        return value, jax.tree.map(lambda leaf, by: leaf - 1e-3 * by, params, slope), slope

    before, params, slope = step(variables["params"])
    after, _, _ = step(params)
    assert after < before - 1e-3
    named = [path for path in slope if path.startswith("posterior")]
    assert len(named) == 2
    assert all(np.any(leaf != 0) for name in named for leaf in jax.tree.leaves(slope[name]))
    trained = TrainedLearner(model, {**variables, "params": params}, set_size=5)
    found = trained.contexts(x[0], constant=("context_0",))
    assert (found["context_0"].shape, found["context_1"].shape) == ((3,), (5, 3))
    assert trained.sample(("context_1",)).samples.shape == (5, 8, 8)
