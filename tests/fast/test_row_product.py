"""The product of rows by a matrix against the plain one, differentiated and mapped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.fast.row_product import row_product


def plain_product(x, w):
    return jax.lax.dot_general(x, w, (((x.ndim - 1,), (0,)), ((), ())))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
@pytest.mark.parametrize("maps", [0, 1, 2])
def test_value_and_gradients_are_those_of_the_plain_product(shape, maps):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(*(4, 6)[:maps], *shape)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(3, 7)), jnp.float32)

    def loss(x, w, product):
        def function(x):
            return product(x, w)

        for _ in range(maps):
            function = jax.vmap(function)
        return jnp.sum(jnp.sin(function(x)))

    def both(product):
        return jax.jit(jax.value_and_grad(lambda x, w: loss(x, w, product), (0, 1)))(x, w)

    for got, want in zip(
        jax.tree.leaves(both(row_product)), jax.tree.leaves(both(plain_product)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("in_axes", [(None, 0), (0, 0), (1, None), (1, 2)])
def test_any_operand_may_be_mapped_over_any_axis(in_axes):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(4, 4, 4)), rng.normal(size=(4, 4, 4))
    x = x if in_axes[0] is not None else x[0]
    w = w if in_axes[1] is not None else w[0]
    x, w = jnp.asarray(x, jnp.float32), jnp.asarray(w, jnp.float32)

    def mapped(product):
        return jax.vmap(lambda x, w: product(x, w), in_axes=in_axes)(x, w)

    np.testing.assert_allclose(mapped(row_product), mapped(plain_product), rtol=1e-5, atol=1e-6)


def test_second_derivatives_are_those_of_the_plain_product():
    rng = np.random.default_rng(2)
    x, w, dx, dw = (
        jnp.asarray(rng.normal(size=shape), jnp.float32)
        for shape in ((2, 5, 3), (3, 7), (2, 5, 3), (3, 7))
    )

    def second(product):
        gradient = jax.grad(lambda x, w: jnp.sum(jnp.sin(product(x, w))), argnums=(0, 1))
        forward = jax.jvp(gradient, (x, w), (dx, dw))[1]
        reverse = jax.grad(lambda x, w: sum(jnp.sum(g**2) for g in gradient(x, w)), (0, 1))
        return forward, reverse(x, w)

    for got, want in zip(
        jax.tree.leaves(second(row_product)), jax.tree.leaves(second(plain_product)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_each_instance(axis):
    """Of the matrix, where both operands of its gradient are mapped, over any axis."""
    rng = np.random.default_rng(3)
    x, y = (jnp.asarray(rng.normal(size=(4, 4, 3)), jnp.float32) for _ in range(2))
    w = jnp.asarray(rng.normal(size=(3, 3)), jnp.float32)

    def of_each(product):
        def one(x, y):
            return jax.grad(lambda w: jnp.sum(product(x, w) * y))(w)

        return jax.vmap(one, in_axes=(axis, 0))(x, y)

    np.testing.assert_allclose(of_each(row_product), of_each(plain_product), rtol=1e-5, atol=1e-5)


def test_the_gradient_of_a_mapped_layer_contracts_one_axis():
    """What makes it quick: no product of the compiled step contracts data sets and items apart."""
    x, w = jnp.ones((4, 5, 3)), jnp.ones((3, 7))

    def contractions(product):
        def loss(w):
            return jnp.sum(jax.vmap(lambda x: product(x, w))(x) ** 2)

        text = jax.jit(jax.grad(loss)).lower(w).as_text()
        return "contracting_dims = [0, 1] x [0, 1]" in text

    assert contractions(plain_product)
    assert not contractions(row_product)
