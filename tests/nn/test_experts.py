"""The product of experts against the exact posterior of a conjugate model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.nn.apply_context import EVALUATION
from cal_jax.nn.experts import ExpertNetwork, Experts, each_expert, product_of_experts
from cal_jax.nn.hidden import Hidden

NUM_ITEMS, K, C = 5, 2, 3
LOADING, NOISE = 1.7, 0.6


def observed(seed=0):
    """Items x = LOADING c + noise, [N, K, C], and the exact expert that each one gives."""
    x = np.random.default_rng(seed).normal(size=(NUM_ITEMS, K, C)).astype(np.float32)
    precision = jnp.full(x.shape, LOADING**2 / NOISE**2)
    return x, Experts(jnp.asarray(x / LOADING), precision)


def conditioned(x):
    """Mean and variance of one dimension of c ~ N(0, 1) given x [N], from the joint covariance."""
    size = len(x)
    covariance = LOADING**2 * np.ones((size, size)) + NOISE**2 * np.eye(size)
    gain = np.linalg.solve(covariance, LOADING * np.ones(size))
    return gain @ x, 1 - gain @ (LOADING * np.ones(size))


def test_the_product_is_the_exact_posterior_given_the_items_that_count():
    x, experts = observed()
    for counts in ([1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 0, 1, 0]):
        mask = jnp.asarray(counts, jnp.float32)
        mean, log_variance = map(np.asarray, product_of_experts(experts, mask))
        kept = x[np.asarray(counts) == 1]
        for k, c in np.ndindex(K, C):
            want = conditioned(kept[:, k, c])
            np.testing.assert_allclose(mean[k, c], want[0], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(np.exp(log_variance[k, c]), want[1], rtol=1e-4)


def test_one_expert_alone_is_the_product_over_a_set_of_that_item():
    _, experts = observed()
    alone = tuple(map(np.asarray, each_expert(experts)))
    for item in range(NUM_ITEMS):
        only = jnp.zeros(NUM_ITEMS).at[item].set(1.0)
        for one, product in zip(alone, product_of_experts(experts, only), strict=True):
            np.testing.assert_allclose(one[item], product, rtol=1e-5, atol=1e-6)


def test_an_empty_set_leaves_the_base_and_what_padding_holds_reaches_no_gradient():
    _, experts = observed()
    for part in product_of_experts(experts, jnp.zeros(NUM_ITEMS)):
        assert np.all(part == 0)
    mask = jnp.array([1.0, 1.0, 1.0, 0.0, 0.0])

    def total(experts):
        mean, log_variance = product_of_experts(experts, mask)
        return jnp.sum(mean) + jnp.sum(log_variance)

    hostile = Experts(experts.mean.at[3:].set(jnp.nan), experts.precision.at[3:].set(jnp.nan))
    np.testing.assert_allclose(total(hostile), total(experts), rtol=1e-6)
    gradient = jax.grad(total)(hostile)
    assert np.all(np.isfinite(gradient.mean[:3])) and np.all(gradient.mean[3:] == 0)


def test_the_product_does_not_depend_on_the_order_of_the_items():
    _, experts = observed()
    order = np.array([3, 0, 4, 1, 2])
    shuffled = Experts(*(part[order] for part in experts))
    for one, other in zip(
        product_of_experts(experts, None), product_of_experts(shuffled, None), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shift", [-30.0, 0.0, 30.0])
def test_every_precision_is_positive_and_has_a_gradient(shift):
    network = ExpertNetwork((K, C), Hidden(width=4, depth=2, norm="none"))
    h = jnp.ones((NUM_ITEMS, 3))
    state = network.init(jax.random.key(0), h, EVALUATION)
    bias = state["params"]["head"]["Dense_0"]["bias"]

    def precision(bias):
        params = {**state["params"], "head": {"Dense_0": {**head, "bias": bias}}}
        return network.apply({"params": params}, h, EVALUATION).precision

    head = state["params"]["head"]["Dense_0"]
    moved = bias + shift
    assert np.all(precision(moved) > 0)
    gradient = jax.grad(lambda b: jnp.sum(precision(b)))(moved)
    assert np.all(gradient[K * C :] > 0)


def test_experts_without_hidden_units_are_linear_in_the_features():
    network = ExpertNetwork((K, C), None)
    h = jax.random.normal(jax.random.key(1), (NUM_ITEMS, 3))
    state = network.init(jax.random.key(0), h, EVALUATION)
    assert set(state["params"]) == {"head"} and set(state) == {"params"}

    def read(h):
        return network.apply(state, h, EVALUATION)

    middle = read(0.5 * (h + 1.0))
    np.testing.assert_allclose(
        middle.mean, 0.5 * (read(h).mean + read(jnp.ones_like(h)).mean), atol=1e-6
    )
    assert middle.mean.shape == (NUM_ITEMS, K, C) and np.all(middle.precision > 0)
    assert np.abs(read(h).mean - read(2.0 * h).mean).max() > 1e-3
