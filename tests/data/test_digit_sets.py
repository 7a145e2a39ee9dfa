import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.digit_sets import (
    ContextSets,
    accidentally_constant,
    factor_sets,
    render_black_and_white,
)
from cal_jax.errors import InputError

# Classes of unequal size, in no order; class 7 is absent.
DIGITS = np.random.default_rng(0).permutation(
    np.repeat([0, 1, 2, 3, 4, 5, 6, 8, 9], [10, 10, 12, 20, 30, 40, 50, 60, 200])
)
EVERY_LABEL = (((0, 0), 1), ((0, 1), 1), ((1, 0), 1), ((1, 1), 1))


def sets(mix=EVERY_LABEL, num_sets=4000, set_size=10, seed=0, digits=DIGITS, allowed=None):
    rng = np.random.default_rng(seed)
    return factor_sets(
        rng, digits, (2,), num_sets=num_sets, set_size=set_size, mix=mix, allowed=allowed
    )


def test_shapes_and_types():
    drawn = sets(num_sets=8)
    assert drawn.items.shape == (8, 10)
    assert drawn.factors.shape == (8, 10, 2)
    assert drawn.labels.shape == (8, 2)
    assert [part.dtype for part in drawn] == [np.int32, np.int32, np.float32]


def test_factors_are_the_truth():
    drawn = sets()
    np.testing.assert_array_equal(drawn.factors[..., 0], DIGITS[drawn.items])
    assert set(np.unique(drawn.factors[..., 1])) == {0, 1}


def test_constant_factors_are_constant_and_varying_ones_vary():
    drawn = sets()
    constant = (drawn.factors == drawn.factors[:, :1]).all(axis=1)
    assert constant[drawn.labels == 1].all()
    varying = drawn.labels == 0
    assert not constant[..., 0][varying[..., 0]].any()
    # Two values in ten items: constant by chance in 2 * 2**-10 of the sets.
    assert constant[..., 1][varying[..., 1]].mean() < 0.01


def test_no_image_comes_twice_in_a_set():
    ordered = np.sort(sets().items, axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()


def test_a_class_of_exactly_set_size_is_used_up():
    drawn = sets(mix=(((1, 1), 1),), num_sets=300)
    zeros = np.flatnonzero(DIGITS == 0)
    used = drawn.items[drawn.factors[:, 0, 0] == 0]
    assert len(used)
    np.testing.assert_array_equal(np.sort(used, axis=1), np.broadcast_to(zeros, used.shape))


@pytest.mark.parametrize("label", [(1, 0), (0, 1)], ids=["constant", "varying"])
def test_classes_then_images_are_uniform(label):
    drawn = sets(mix=((label, 1),), num_sets=9000)
    shares = np.bincount(DIGITS[drawn.items[:, 0]], minlength=10) / 9000
    expected = np.full(10, 1 / 9)
    expected[7] = 0
    np.testing.assert_allclose(shares, expected, atol=4.5 * np.sqrt(1 / 9 * 8 / 9 / 9000))
    # The last item of a set is as uniform inside its class as the first.
    for column in (0, 9):
        threes = drawn.items[:, column][drawn.factors[:, column, 0] == 3]
        uses = np.bincount(threes, minlength=len(DIGITS))[DIGITS == 3]
        assert ((uses - uses.mean()) ** 2 / uses.mean()).sum() < 50  # chi-square, 19 degrees
    backgrounds = drawn.factors[:, 0, 1].mean()
    np.testing.assert_allclose(backgrounds, 0.5, atol=4.5 * 0.5 / np.sqrt(9000))


def test_any_number_of_factors_is_constant_or_varies_by_the_label_and_is_uniform():
    mix = (((1, 0, 1), 1), ((0, 1, 0), 1))
    rng = np.random.default_rng(0)
    drawn = factor_sets(rng, DIGITS, (8, 2), num_sets=4000, set_size=6, mix=mix)
    constant = (drawn.factors == drawn.factors[:, :1]).all(axis=1)
    assert constant[drawn.labels == 1].all()
    assert not constant[..., :2][drawn.labels[..., :2] == 0].any()
    for column in (0, 5):
        shares = np.bincount(drawn.factors[:, column, 1], minlength=8) / 4000
        np.testing.assert_allclose(shares, 1 / 8, atol=4.5 * np.sqrt(1 / 8 * 7 / 8 / 4000))
    np.testing.assert_array_equal(drawn.factors[..., 0], DIGITS[drawn.items])


def test_no_forbidden_combination_ever_comes_and_all_else_holds():
    allowed = np.random.default_rng(5).random((10, 8)) < 0.4
    rng = np.random.default_rng(0)
    drawn = factor_sets(
        rng, DIGITS, (8,), num_sets=4000, set_size=10, mix=EVERY_LABEL, allowed=allowed
    )
    assert allowed[drawn.factors[..., 0], drawn.factors[..., 1]].all()
    np.testing.assert_array_equal(drawn.factors[..., 0], DIGITS[drawn.items])
    constant = (drawn.factors == drawn.factors[:, :1]).all(axis=1)
    assert constant[drawn.labels == 1].all()
    assert (np.diff(np.sort(drawn.items, axis=1), axis=1) > 0).all()
    digits = drawn.factors[(drawn.labels == [1, 0]).all(axis=1), 0, 0]
    shares = np.bincount(digits, minlength=10) / 1000
    np.testing.assert_allclose(shares, (np.arange(10) != 7) / 9, atol=4.5 * np.sqrt(0.1 / 1000))


@pytest.mark.parametrize("shape", [(9, 2), (10, 8), (10,), (10, 2, 2)])
def test_allowed_must_be_of_the_factors(shape):
    with pytest.raises(InputError, match=r"allowed: shape .*; accepted: 10 digits or more, then"):
        sets(allowed=np.ones(shape, bool))


def test_labels_come_in_the_proportions_of_the_mix():
    drawn = sets(mix=(((1, 0), 5), ((0, 1), 1)), num_sets=600, set_size=3)
    np.testing.assert_array_equal(drawn.labels.sum(axis=0), [500, 100])
    np.testing.assert_array_equal(drawn.labels.sum(axis=1), np.ones(600))


def test_reproducible_from_the_generator():
    for first, again in zip(sets(), sets(), strict=True):
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(sets().items, sets(seed=1).items)


def test_one_item_sets():
    drawn = sets(num_sets=40, set_size=1)
    assert drawn.items.shape == (40, 1)
    np.testing.assert_array_equal(accidentally_constant(drawn), (drawn.labels == 0).any(axis=1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"set_size": 0}, "set_size 0; accepted: 1 or more"),
        ({"num_sets": 0}, "num_sets 0; accepted: 1 or more"),
        ({"set_size": 11}, "class 0 has 10 images; accepted: at least set_size = 11"),
        ({"digits": DIGITS[:0]}, "digits: no images"),
        ({"mix": (((1, 0), -1),)}, "mix: weights"),
    ],
)
def test_bad_arguments(change, reason):
    with pytest.raises(InputError, match=reason):
        sets(**change)


def test_twenty_thousand_sets_in_two_seconds():
    digits = np.random.default_rng(0).integers(10, size=60_000)
    start = time.perf_counter()
    sets(num_sets=20_000, digits=digits)
    assert time.perf_counter() - start < 2


def test_accidentally_constant():
    factors = np.zeros((4, 3, 2), np.int32)
    factors[:, :, 0] = [[1, 1, 1], [1, 1, 1], [1, 2, 3], [1, 2, 3]]
    factors[:, :, 1] = [[0, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1]]
    labels = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.float32)
    drawn = ContextSets(np.zeros((4, 3), np.int32), factors, labels)
    np.testing.assert_array_equal(accidentally_constant(drawn), [False, True, True, False])


def test_accident_rate_of_a_two_valued_background():
    rate = accidentally_constant(sets(mix=(((1, 0), 1),), num_sets=20_000)).mean()
    np.testing.assert_allclose(rate, 2 * 2.0**-10, atol=4.5 * np.sqrt(2.0**-9 / 20_000))


def test_white_background_inverts():
    binary = np.array([[[0, 1], [1, 1]], [[0, 1], [1, 1]]], np.uint8)
    rendered = jax.jit(render_black_and_white)(binary, jnp.asarray([0, 1]))
    assert rendered.dtype == jnp.float32
    np.testing.assert_array_equal(rendered, [[[0, 1], [1, 1]], [[1, 0], [0, 0]]])


def test_render_batches_of_sets_and_single_images():
    binary = np.random.default_rng(0).integers(2, size=(2, 5, 4, 3))
    backgrounds = np.array([[0, 1, 0, 1, 1], [1, 0, 0, 0, 1]])
    rendered = render_black_and_white(jnp.asarray(binary), jnp.asarray(backgrounds))
    single = render_black_and_white(jnp.asarray(binary[0, 1]), jnp.asarray(1))
    np.testing.assert_array_equal(rendered[0, 1], single)
    np.testing.assert_array_equal(rendered[1, 1], binary[1, 1])


def test_render_refuses_backgrounds_that_do_not_fit():
    with pytest.raises(InputError, match=r"backgrounds: shape \(3,\); accepted: \(2,\)"):
        render_black_and_white(jnp.zeros((2, 4, 4)), jnp.zeros(3))
