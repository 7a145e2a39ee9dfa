"""The sum over rows by neighbours against the plain one, mapped and compiled."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.fast.row_sum import FEW, MOST, NARROW, row_sum


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 200, 201])
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("maps", [0, 1, 2])
def test_it_is_the_sum_over_the_rows_of_each(rows, many, maps):
    features = NARROW + 1 + FEW // rows if many else 5
    shape = (*(3, 4)[:maps], rows, features)
    values = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)  # sums are exact
    function = row_sum
    for _ in range(maps):
        function = jax.vmap(function)
    for form in (function, jax.jit(function)):
        np.testing.assert_array_equal(form(values), values.sum(axis=-2))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis_may_be_mapped(axis):
    values = np.random.default_rng(1).normal(size=(6, 4, 8)).astype(np.float32)
    got = jax.jit(jax.vmap(row_sum, in_axes=axis))(values)
    np.testing.assert_allclose(got, np.moveaxis(values, axis, 0).sum(axis=1), rtol=1e-5, atol=1e-5)


def test_on_a_cpu_a_quarter_of_the_rows_is_left_to_a_reduction():
    """What makes it quick: no reduction of the program sees all the rows, but of narrow ones or
    few numbers."""

    def reduced(sets, features):
        lowered = jax.jit(row_sum).lower(jnp.ones((sets, 50 * MOST, features))).as_text()
        return re.findall(r"stablehlo.reduce.*\(tensor<(\w+)>,", lowered)

    many = 1 + FEW // (50 * MOST * NARROW)
    assert reduced(many, NARROW + 1) == [f"{many}x50x{NARROW + 1}xf32"]
    assert reduced(many, NARROW) == [f"{many}x{50 * MOST}x{NARROW}xf32"]
    assert reduced(1, NARROW + 1) == [f"1x{50 * MOST}x{NARROW + 1}xf32"]
