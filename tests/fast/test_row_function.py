"""Functions of rows: what they give under every kind of map, and what a trace has of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.axes import DATASET, SAMPLE
from cal_jax.fast.row_function import RowFunction

AXES = (DATASET, SAMPLE)
FEATURES = 3


def everything(shared, rows, vectors):
    """Rows times a vector, the sums of each instance and of all, and the mean of all."""
    x, weights = rows
    (vector,) = vectors
    y = x * vector.reshape((1,) * (x.ndim - 1) + vector.shape)
    y = y if weights is None else y * weights
    axes = tuple(range(shared, y.ndim - 1))
    of_all = tuple(range(y.ndim - 1))
    return y, y.sum(axes), y.sum(of_all), y.mean(of_all)


OF_ROWS = RowFunction("of_rows", everything, ("rows", "own", "sum", "mean"))
SCALED = RowFunction("scaled", lambda *given: everything(*given)[:1], ("rows",))


def data(*shape):
    return np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)  # sums are exact


def over_both(function, in_axes):
    """``function`` mapped over samples and, around them, over data sets."""
    inner = jax.vmap(function, in_axes, out_axes=(0, 0, None, None), axis_name=SAMPLE)
    return jax.vmap(inner, in_axes, out_axes=(0, 0, None, None), axis_name=DATASET)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_mapped_axes_are_more_rows(masked, compiled):
    x, vector = data(2, 4, 5, 6, FEATURES), data(FEATURES)
    weights = (data(2, 4, 5, 6, 1) > 0).astype(np.float32) if masked else None

    def function(x, weights):
        return OF_ROWS(AXES, (x, weights), (vector,))

    mapped = over_both(function, (0, 0 if masked else None))
    rows, own, total, mean = (jax.jit(mapped) if compiled else mapped)(x, weights)
    want = x * vector * (1.0 if weights is None else weights)
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_array_equal(own, want.sum((2, 3)))
    np.testing.assert_array_equal(total, want.sum((0, 1, 2, 3)))
    np.testing.assert_allclose(mean, want.mean((0, 1, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize("inside", [False, True])
def test_any_other_mapped_axis_stays_apart(inside):
    """As seeds: with vectors of their own, mapped around the named axes or inside them."""
    x, vectors = data(2, 5, 4, FEATURES), data(2, FEATURES)  # seeds, items, sets

    def function(x, vector):
        return OF_ROWS(AXES, (x, None), (vector,))

    if inside:
        of_seeds = jax.vmap(function)  # x [seeds, items, F]
        mapped = jax.vmap(of_seeds, (2, None), (2, 1, None, None), axis_name=DATASET)
    else:
        of_sets = jax.vmap(function, (1, None), (1, 0, None, None), axis_name=DATASET)
        mapped = jax.vmap(of_sets)
    rows, own, total, mean = mapped(x, vectors)
    want = x * vectors[:, None, None, :]
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_array_equal(own, want.sum(1))
    np.testing.assert_array_equal(total, want.sum((1, 2)))
    np.testing.assert_allclose(mean, want.mean((1, 2)), rtol=1e-6)


def test_rows_that_are_the_same_for_all_instances_count_for_each_and_are_not_repeated():
    """As those of an encoder, of which every sample sees the same features."""
    x, vector = data(4, 5, FEATURES), data(FEATURES)

    def of_sample(x, _):
        return OF_ROWS(AXES, (x, None), (vector,))

    of_set = jax.vmap(of_sample, (None, 0), None, axis_name=SAMPLE)
    mapped = jax.vmap(of_set, (0, None), (0, 0, None, None), axis_name=DATASET)
    rows, own, total, mean = mapped(x, jnp.zeros(7))
    want = x * vector
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_array_equal(own, want.sum(1))
    np.testing.assert_array_equal(total, 7 * want.sum((0, 1)))
    np.testing.assert_allclose(mean, want.mean((0, 1)), rtol=1e-6)


def test_instances_of_an_axis_without_a_name_share_what_is_the_same_for_all():
    x, vector = data(5, FEATURES), data(FEATURES)
    mapped = jax.vmap(lambda _: OF_ROWS(AXES, (x, None), (vector,)), out_axes=None)
    for got, want in zip(mapped(jnp.zeros(4)), everything(0, (x, None), (vector,)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_vector_may_differ_where_nothing_is_summed_and_nowhere_else():
    x, vectors = data(4, 5, FEATURES), data(4, FEATURES)

    def scaled(x, vector):
        return SCALED(AXES, (x, None), (vector,))[0]

    got = jax.vmap(scaled, axis_name=DATASET)(x, vectors)
    np.testing.assert_array_equal(got, x * vectors[:, None])
    with pytest.raises(ValueError, match="of_rows: a vector differs along 'dataset'"):
        jax.vmap(lambda x, v: OF_ROWS(AXES, (x, None), (v,)), axis_name=DATASET)(x, vectors)


def test_a_trace_has_one_operation_however_often_it_is_mapped():
    x, vector = data(2, 4, 5, FEATURES), data(FEATURES)
    mapped = over_both(lambda x: OF_ROWS(AXES, (x, None), (vector,)), (0,))
    equations = jax.make_jaxpr(mapped)(x).eqns
    assert [equation.primitive.name for equation in equations] == ["of_rows"]
