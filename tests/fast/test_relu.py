"""The rectifier against JAX's, differentiated and mapped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.fast.relu import relu

X = np.array([[-2.0, -0.0, 0.0], [1e-30, 3.0, np.inf], [-np.inf, np.nan, 0.5]], np.float32)
POINTS = jnp.array([-1.0, 0.5, 2.0])


@pytest.mark.parametrize("maps", [0, 1, 2])
@pytest.mark.parametrize("compiled", [False, True])
def test_value_and_derivatives_are_those_of_jax(maps, compiled):
    """At 0, where a maximum would share its gradient, and of numbers that are none, too."""

    def all_of(function):
        for _ in range(maps):
            function = jax.vmap(function)

        def loss(x, weights):
            return jnp.sum(function(x) * weights)

        def found(x, weights):
            gradient = jax.grad(loss)
            _, tangent = jax.jvp(function, (x,), (weights,))
            return function(x), gradient(x, weights), tangent

        return (jax.jit(found) if compiled else found)(X, np.arange(1.0, 10.0).reshape(3, 3))

    for got, want in zip(all_of(relu), all_of(jax.nn.relu), strict=True):
        np.testing.assert_array_equal(got, want)


def test_it_is_differentiated_twice():
    def second(function):
        return jax.hessian(lambda x: jnp.sum(function(x) ** 2 + function(x) * jnp.sin(x)))(POINTS)

    np.testing.assert_allclose(second(relu), second(jax.nn.relu), rtol=1e-6)


def test_a_trace_has_one_operation_in_each_direction():
    program = jax.make_jaxpr(jax.grad(lambda x: jnp.sum(relu(x))))(jnp.ones(3))
    names = [equation.primitive.name for equation in program.eqns]
    assert names.count("relu") == names.count("relu_gradient") == 1
    assert not {"custom_jvp_call", "select_n", "max"} & set(names)
