"""What padding keeps, and the line that each kind of bad set is met with."""

import numpy as np
import pytest

from cal_jax.data.sets import validate_sets
from cal_jax.errors import InputError


def test_a_numpy_mask_is_refused_and_not_discarded():
    masked = np.ma.masked_less(np.arange(12.0).reshape(2, 3, 2), 1)
    with pytest.raises(InputError, match="source: set 0 has masked values; accepted: arrays of"):
        validate_sets(masked, "source")
    x, mask = validate_sets(np.ma.masked_less(np.ones((2, 3, 2)), 0), "source")
    assert (x == 1).all() and (mask == 1).all()


def test_an_array_is_kept_with_a_mask_of_ones():
    x = np.arange(24.0).reshape(2, 3, 4)
    sets = validate_sets(x, "data")
    assert sets.x.dtype == sets.mask.dtype == np.float32
    assert np.array_equal(sets.x, x) and np.array_equal(sets.mask, np.ones((2, 3)))


def test_sets_of_several_sizes_are_padded():
    sets = validate_sets([np.full((1, 2), 5), np.full((3, 2), 7)], "data")
    assert sets.x.tolist() == [[[5, 5], [0, 0], [0, 0]], [[7, 7]] * 3]
    assert sets.mask.tolist() == [[1, 0, 0], [1, 1, 1]]


def test_items_may_be_images():
    sets = validate_sets([np.full((1, 2, 3), 5), np.full((2, 2, 3), 7)], "data")
    assert sets.x.shape == (2, 2, 2, 3)
    assert np.array_equal(sets.x[0], [np.full((2, 3), 5), np.zeros((2, 3))])
    assert sets.mask.tolist() == [[1, 0], [1, 1]]


def with_value(value):
    bad = np.ones((3, 4, 1))
    bad[1, 2, 0] = value
    return bad


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([], "my.npy: no sets"),
        (
            [np.ones((2, 3)), np.ones((2, 4))],
            r"my.npy: set 1 has items of shape \[4\]; accepted: \[3\] as in set 0",
        ),
        (
            [np.ones((2, 3, 1)), np.ones((2, 3))],
            r"my.npy: set 1 has items of shape \[3\]; accepted: \[3, 1\] as in set 0",
        ),
        ([np.ones((2, 3)), np.ones((0, 3))], r"my.npy: set 1 of shape \(0, 3\) is empty"),
        (np.ones((2, 0, 3)), "my.npy: set 0 .* is empty"),
        (np.ones((2, 3)), r"my.npy: set 0 has shape \(3,\); accepted: \[N, \*X\]"),
        (with_value(np.nan), "my.npy: set 1 holds NaN or infinity"),
        (with_value(-np.inf), "my.npy: set 1 holds NaN or infinity"),
        (with_value(1e300), "my.npy: set 1 holds NaN or infinity"),
        ([np.ones((2, 1)), np.array([["a"]])], "my.npy: set 1 is not an array of real numbers"),
        ([np.ones((2, 1)), np.ones((2, 1), complex)], "my.npy: set 1 is not an array of real"),
        ([[[1.0], [1.0, 2.0]]], "my.npy: set 0 is not an array of real numbers"),
    ],
)
def test_bad_sets_are_named(sets, message):
    with pytest.raises(InputError, match=message) as caught:
        validate_sets(sets, "my.npy")
    assert "\n" not in str(caught.value)
