"""Shapes, skips, pooling and the mirrored decoder."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.nn.apply_context import EVALUATION, ApplyContext
from cal_jax.nn.conv import ConvolutionalDecoder, ConvolutionalEncoder, halved_sizes
from cal_jax.nn.dense import Embedding, GaussianHead, ResidualMLP
from cal_jax.nn.hidden import Hidden
from cal_jax.nn.statistic import StatisticNetwork, mean_pool

TRAINING = ApplyContext(None, ())


def initialised(module, *arguments):
    return module.init(jax.random.key(0), *arguments)


def test_inputs_of_several_kinds_are_embedded_and_summed():
    items, of_the_set = jnp.ones((5, 4)), jnp.ones(3)
    module = Embedding(6)
    state = initialised(module, items, of_the_set)
    kernels = {name: layer["kernel"] for name, layer in state["params"].items()}
    want = items @ kernels["input_0"] + (of_the_set @ kernels["input_1"])[None]
    np.testing.assert_allclose(module.apply(state, items, of_the_set), want, rtol=1e-5)
    assert "bias" in state["params"]["input_0"]
    assert "bias" not in state["params"]["input_1"]


def test_the_skip_adds_the_first_hidden_layer_before_the_last_nonlinearity():
    x = jax.random.normal(jax.random.key(1), (5, 4))
    module = ResidualMLP(Hidden(6, depth=3, norm="none", skip=True))
    state = initialised(module, TRAINING, x)
    layers = state["params"]
    first = jax.nn.relu(x @ layers["embedding"]["input_0"]["kernel"])
    second = jax.nn.relu(first @ layers["Dense_0"]["kernel"])
    want = jax.nn.relu(second @ layers["Dense_1"]["kernel"] + first)
    np.testing.assert_allclose(module.apply(state, EVALUATION, x), want, rtol=1e-5)
    plain = ResidualMLP(Hidden(6, depth=3, norm="none", skip=False)).apply(state, EVALUATION, x)
    assert not np.allclose(plain, want)


def test_a_gaussian_head_keeps_leading_axes():
    head = GaussianHead((2, 3))
    state = initialised(head, jnp.ones((5, 4)))
    mean, log_variance = head.apply(state, jnp.ones((5, 4)))
    assert mean.shape == log_variance.shape == (5, 2, 3)
    one = head.apply(state, jnp.ones(4))
    np.testing.assert_allclose(one.mean, mean[0], rtol=1e-6)


def test_mean_pooling_ignores_padding_and_gives_zeros_for_an_empty_set():
    x = jnp.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(mean_pool(x, None), x.mean(0))
    np.testing.assert_allclose(mean_pool(x, jnp.array([1.0, 1.0, 0.0, 0.0])), x[:2].mean(0))
    assert np.all(mean_pool(x, jnp.zeros(4)) == 0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_the_statistic_does_not_depend_on_the_order_of_the_items(norm, masked):
    h = jax.random.normal(jax.random.key(2), (6, 4))
    mask = jnp.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]) if masked else None
    network = StatisticNetwork(Hidden(8, norm=norm))
    state = initialised(network, h, TRAINING)
    order = jnp.array([3, 0, 5, 1, 4, 2])
    for axes in (None, ()):
        apply = lambda h, mask, axes=axes: network.apply(  # noqa: E731
            state, h, ApplyContext(mask, axes), mutable=["batch_stats"]
        )[0]
        want = apply(h, mask)
        shuffled = apply(h[order], None if mask is None else mask[order])
        np.testing.assert_allclose(shuffled, want, atol=1e-5)
        changed = apply(h.at[0].add(1.0), mask)
        # post-pool batch normalisation of a single set sees no difference at all
        if axes is None or norm != "batch":
            assert not np.allclose(changed, want, atol=1e-4)


def test_sizes_halve_rounding_up():
    assert halved_sizes(28, 3) == [28, 14, 7, 4]
    assert halved_sizes(14, 3) == [14, 7, 4, 2]


@pytest.mark.parametrize("size", [8, 14, 28, 9])
def test_the_decoder_mirrors_the_encoder_at_any_size(size):
    x = jnp.ones((2, size, size))
    encoder = ConvolutionalEncoder((2, 3, 4))
    state = jax.eval_shape(lambda: initialised(encoder, x, TRAINING))
    h = jax.eval_shape(lambda s: encoder.apply(s, x, EVALUATION), state)
    smallest = halved_sizes(size, 3)[-1]
    assert h.shape == (2, smallest * smallest * 4)
    decoder = ConvolutionalDecoder((size, size), (2, 3, 4))
    z = jnp.ones((2, 5))
    state = jax.eval_shape(lambda: initialised(decoder, TRAINING, z))
    assert jax.eval_shape(lambda s: decoder.apply(s, EVALUATION, z), state).shape == x.shape


def test_the_encoder_has_nine_convolutions_with_the_thesis_s_widths():
    state = jax.eval_shape(
        lambda: initialised(ConvolutionalEncoder(), jnp.zeros((1, 28, 28)), TRAINING)
    )
    kernels = [state["params"][f"Conv_{i}"]["kernel"].shape for i in range(9)]
    assert [kernel[-1] for kernel in kernels] == [16] * 3 + [32] * 3 + [64] * 3
    assert {kernel[:2] for kernel in kernels} == {(3, 3)}
