"""Attention over the items of a set: its order, its padding, and what it can tell apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.attention import Attention, RelationalStatisticNetwork
from cal_jax.nn.hidden import Hidden

NUM_ITEMS, FEATURES = 6, 4


def items(seed=0):
    return jax.random.normal(jax.random.key(seed), (NUM_ITEMS, FEATURES))


def test_attention_is_the_softmax_of_scaled_products_by_head():
    x, heads = items(), 2
    module = Attention(heads)
    state = module.init(jax.random.key(1), x, None)
    weights = {name: np.asarray(layer["kernel"]) for name, layer in state["params"].items()}
    want, size = np.zeros((NUM_ITEMS, FEATURES)), FEATURES // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        query, key, value = (np.asarray(x) @ weights[n][:, part] for n in ("query", "key", "value"))
        scores = np.exp(query @ key.T / np.sqrt(size))
        want += scores / scores.sum(axis=1, keepdims=True) @ value @ weights["output"][part]
    np.testing.assert_allclose(module.apply(state, x, None), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_statistic_depends_on_neither_order_nor_padding(masked, norm):
    x = items()
    mask = jnp.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]) if masked else None
    network = RelationalStatisticNetwork(Hidden(8, depth=2, norm=norm), heads=2)
    state = network.init(jax.random.key(0), x, ApplyContext(None, ()))
    order = jnp.array([3, 0, 5, 1, 4, 2])

    def statistic(x, mask, axes=None):
        return network.apply(state, x, ApplyContext(mask, axes), mutable=["batch_stats"])[0]

    for axes in (None, ()):
        want = statistic(x, mask, axes)
        shuffled = statistic(x[order], None if mask is None else mask[order], axes)
        np.testing.assert_allclose(shuffled, want, atol=1e-5)
    assert not np.allclose(statistic(x.at[0].add(1.0), mask), statistic(x, mask), atol=1e-4)
    if mask is not None:
        counted = x[mask > 0]
        np.testing.assert_allclose(statistic(counted, None), statistic(x, mask), atol=1e-5)
        changed = jnp.where(mask[:, None] > 0, x, 9.0)
        np.testing.assert_allclose(statistic(changed, mask), statistic(x, mask), atol=1e-5)


def test_an_empty_set_has_one_finite_statistic_whatever_its_padding_holds():
    network = RelationalStatisticNetwork(Hidden(8, depth=2), heads=2)
    state = network.init(jax.random.key(0), items(), EVALUATION)
    nothing = ApplyContext(jnp.zeros(NUM_ITEMS), None)
    first, second = (network.apply(state, items(seed), nothing) for seed in (0, 1))
    assert np.all(np.isfinite(first))
    np.testing.assert_array_equal(first, second)
