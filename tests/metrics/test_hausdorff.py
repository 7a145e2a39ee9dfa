"""The modified Hausdorff distance against values by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.hausdorff import ink_points, modified_hausdorff


def test_a_value_by_hand():
    first = np.array([[0.0, 0.0], [0.0, 3.0]])
    second = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    # Means of 0 and 2, and of 0, 4 and 1.
    assert modified_hausdorff(first, second) == pytest.approx(5 / 3)
    assert modified_hausdorff(second, first) == pytest.approx(5 / 3)
    assert modified_hausdorff(first, first) == 0.0


def test_points_are_of_ink_about_its_mean():
    ink = np.zeros((5, 5), bool)
    ink[1, 2] = ink[3, 4] = True
    np.testing.assert_array_equal(ink_points(ink), [[-1.0, -1.0], [1.0, 1.0]])
    with pytest.raises(InputError, match="ink: none in an image"):
        ink_points(np.zeros((5, 5), bool))
