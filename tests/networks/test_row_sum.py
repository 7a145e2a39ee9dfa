"""The sum over rows by neighbours against the plain one, mapped and compiled."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.networks.row_sum import MOST, NARROW, row_sum


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 200, 201])
@pytest.mark.parametrize("features", [5, NARROW + 1])
@pytest.mark.parametrize("maps", [0, 1, 2])
def test_it_is_the_sum_over_the_rows_of_each(rows, features, maps):
    shape = (*(3, 4)[:maps], rows, features)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    function = row_sum
    for _ in range(maps):
        function = jax.vmap(function)
    for form in (function, jax.jit(function)):
        np.testing.assert_allclose(form(values), values.sum(axis=-2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis_may_be_mapped(axis):
    values = np.random.default_rng(1).normal(size=(6, 4, 8)).astype(np.float32)
    got = jax.jit(jax.vmap(row_sum, in_axes=axis))(values)
    np.testing.assert_allclose(got, np.moveaxis(values, axis, 0).sum(axis=1), rtol=1e-5, atol=1e-5)


def test_on_a_cpu_a_quarter_of_the_rows_is_left_to_a_reduction():
    """What makes it quick: no reduction of the program sees all the rows, but narrow ones."""

    def reduced(features):
        lowered = jax.jit(row_sum).lower(jnp.ones((3, 50 * MOST, features))).as_text()
        return re.findall(r"stablehlo.reduce.*\(tensor<(\w+)>,", lowered)

    assert reduced(NARROW + 1) == [f"3x50x{NARROW + 1}xf32"]
    assert reduced(NARROW) == [f"3x{50 * MOST}x{NARROW}xf32"]
