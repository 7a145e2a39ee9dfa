"""Merged scores against values worked out by hand."""

import numpy as np
import pytest

from cal_jax.metrics.merged import (
    agreement_merged,
    conditional_merged,
    joint_merged,
    readings_of_rotated_digits,
)

NAMES = ("digit", "rotation")


def readings(*labels):
    return readings_of_rotated_digits(np.array([labels]), NAMES)


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ((6, 1), (9, 5)),
        ((9, 5), (6, 1)),
        ((0, 7), (0, 3)),
        ((1, 0), (1, 4)),
        ((8, 4), (8, 0)),
        ((2, 3), (2, 3)),
        ((7, 6), (7, 6)),
    ],
)
def test_a_label_stands_for_its_twin_upside_down(label, other):
    np.testing.assert_array_equal(readings(label)[0, 0], [label, other])
    swapped = readings_of_rotated_digits(np.array([label[::-1]]), NAMES[::-1])
    np.testing.assert_array_equal(swapped[0], [label[::-1], other[::-1]])


def test_other_factors_stay_as_they_are():
    found = readings_of_rotated_digits(np.array([6, 1, 1]), (*NAMES, "background"))
    np.testing.assert_array_equal(found, [[6, 1, 1], [9, 5, 1]])


def test_an_item_is_right_where_one_of_its_readings_is():
    # wanted a 6: read as 6, as 9, as 0, as 2
    read = readings((6, 0), (9, 4), (0, 0), (2, 4))
    assert conditional_merged(read[..., 0], np.array([6])) == pytest.approx(2 / 4)
    # wanted rotation 4: (6, 0) may be (9, 4), (9, 4) is, (0, 0) may be (0, 4), (2, 4) is
    assert conditional_merged(read[..., 1], np.array([4])) == pytest.approx(4 / 4)
    assert conditional_merged(read[..., 1], np.array([0])) == pytest.approx(3 / 4)
    # (9, 4) is (6, 0) seen upside down, (9, 0) is (6, 4)
    wanted = np.array([[6, 0]])
    assert joint_merged(readings((6, 0), (9, 4), (9, 0), (2, 0)), wanted) == pytest.approx(2 / 4)


def test_agreement_is_with_the_label_that_fits_the_most_items():
    # digits 6 6 9 2 at angles that no other reading joins: 6 fits three of four
    read = readings((6, 0), (6, 2), (9, 3), (2, 0))
    assert agreement_merged(read[..., 0]) == pytest.approx(3 / 4)
    # rotations {0, 4}, {2, 6}, {3, 7}, {0}: 0 fits two
    assert agreement_merged(read[..., 1]) == pytest.approx(2 / 4)
    two_sets = np.concatenate([read, readings((2, 1), (2, 1), (3, 1), (3, 2))])
    assert agreement_merged(two_sets[..., 1]) == pytest.approx((2 + 3) / 8)
