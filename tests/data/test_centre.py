"""Ink moved to the centre."""

import numpy as np

from cal_jax.data.centre import centred


def test_the_mean_place_of_ink_comes_to_the_centre_by_whole_pixels():
    ink = np.zeros((2, 7, 9), bool)
    ink[0, 0, 1] = ink[0, 2, 3] = True
    found = centred(ink)
    expected = np.zeros_like(ink)
    expected[0, 2, 3] = expected[0, 4, 5] = True  # about (3, 4)
    np.testing.assert_array_equal(found, expected)


def test_ink_that_would_leave_is_lost_and_none_comes_in_from_the_other_side():
    ink = np.zeros((1, 5, 5), bool)
    ink[0, 0, :] = ink[0, 4, 0] = True
    found = centred(ink)[0]
    assert found[1].all() and found.sum() == 5
