"""The dense layer against linen's, and what is said of parameters of another shape."""

import flax.errors
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv import ConvolutionalEncoder
from cal_jax.nn.layers import Dense


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_it_has_the_parameters_of_linens_and_computes_the_same(shape, use_bias):
    x = jax.random.normal(jax.random.key(0), shape)
    ours, linens = Dense(4, use_bias=use_bias), nn.Dense(4, use_bias=use_bias)
    variables = ours.init(jax.random.key(1), x)
    jax.tree.map(np.testing.assert_array_equal, variables, linens.init(jax.random.key(1), x))
    for leaf in jax.tree.leaves(variables):
        assert leaf.dtype == jnp.float32
    variables = jax.tree.map(lambda leaf: leaf + 0.5, variables)
    got, want = ours.apply(variables, x), linens.apply(variables, x)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("of_x", ["bfloat16", "float32"])
@pytest.mark.parametrize("of_parameters", ["bfloat16", "float32"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_inputs_and_parameters_are_promoted_as_linen_s_are(of_x, of_parameters, use_bias):
    x = jax.random.normal(jax.random.key(2), (2, 3)).astype(of_x)
    variables = Dense(4, use_bias=use_bias).init(jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: leaf.astype(of_parameters), variables)

    def value_and_gradients(of):
        def value(variables, x):
            y = of(4, use_bias=use_bias).apply(variables, x)
            return jnp.sum(jnp.sin(y.astype(jnp.float32))), y

        return jax.jit(jax.value_and_grad(value, (0, 1), has_aux=True))(variables, x)

    got, want = (jax.tree.leaves(value_and_gradients(of)) for of in (Dense, nn.Dense))
    assert [leaf.dtype for leaf in got] == [leaf.dtype for leaf in want]
    for leaf, other in zip(got, want, strict=True):
        np.testing.assert_allclose(leaf.astype(float), other.astype(float), rtol=1e-2, atol=1e-6)


def test_parameters_of_another_model_are_refused_by_name():
    x, run = jnp.ones((1, 8, 8)), ApplyContext()
    variables = ConvolutionalEncoder((4, 8)).init(jax.random.key(0), x, run)
    with pytest.raises(flax.errors.ScopeParamShapeError, match=r'"kernel" in "/Conv_3"'):
        ConvolutionalEncoder((4, 6)).apply(variables, x, run)


def test_a_parameter_that_is_missing_is_named():
    variables = {"params": {"bias": jnp.zeros(4)}}
    with pytest.raises(flax.errors.ScopeParamNotFoundError, match="kernel"):
        Dense(4).apply(variables, jnp.ones((2, 3)))
