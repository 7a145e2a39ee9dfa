"""Contexts fitted by gradient, against closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.inference.refine import refine

TARGET = np.asarray([0.5, -1.0, 2.0], np.float32)
PRECISION = np.asarray([1.0, 4.0, 9.0], np.float32)


def log_likelihood(c):
    """Of a Gaussian at TARGET."""
    return -0.5 * jnp.sum(PRECISION * jnp.square(c - TARGET))


@pytest.mark.parametrize("pull", [0.0, 2.0])
def test_the_maximum_of_a_quadratic_is_found(pull):
    start = jnp.asarray([1.0, 0.0, 1.0])
    found = jax.jit(functools.partial(refine, log_likelihood, steps=400))(start, pull)
    expected = (PRECISION * TARGET + pull * np.asarray(start)) / (PRECISION + pull)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_no_step_leaves_the_start_and_some_climb():
    start = jnp.zeros(3)
    climb = jax.jit(functools.partial(refine, log_likelihood), static_argnames="steps")
    np.testing.assert_array_equal(climb(start, 1.0, steps=0), start)
    few, many = (float(log_likelihood(climb(start, 1.0, steps=steps))) for steps in (5, 50))
    assert float(log_likelihood(start)) < few < many


def test_sets_are_refined_apart():
    starts = jnp.stack([jnp.zeros(3), jnp.ones(3)])
    mapped = jax.jit(jax.vmap(functools.partial(refine, log_likelihood, steps=20)))
    found = mapped(starts, jnp.asarray([0.0, 5.0]))
    for row, pull in enumerate((0.0, 5.0)):
        alone = refine(log_likelihood, starts[row], pull, steps=20)
        np.testing.assert_allclose(found[row], alone, atol=1e-6)
