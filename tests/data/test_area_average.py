"""Averages over the area of each new pixel."""

import numpy as np
import pytest

from cal_jax.data.area_average import area_average
from cal_jax.errors import InputError


def test_whole_and_shared_pixels_by_hand():
    image = np.arange(9.0).reshape(1, 3, 3)
    np.testing.assert_allclose(area_average(image, 1), [[[4.0]]])
    np.testing.assert_allclose(area_average(image, 3), image)
    # A new pixel covers one old pixel, half of two and a quarter of a fourth: 2.25 in all.
    first = (0 + 0.5 * 1 + 0.5 * 3 + 0.25 * 4) / 2.25
    np.testing.assert_allclose(area_average(image, 2)[0, 0, 0], first, rtol=1e-6)


def test_the_mean_level_is_kept_and_levels_stay_in_range():
    ink = np.random.default_rng(0).random((5, 105, 105)) < 0.3
    small = area_average(ink, 28)
    assert small.shape == (5, 28, 28) and small.dtype == np.float32
    np.testing.assert_allclose(small.mean(axis=(1, 2)), ink.mean(axis=(1, 2)), rtol=1e-5)
    assert area_average(np.ones((1, 105, 105), bool), 28).max() <= 1.0


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        ((1, 3, 4), 2, r"images: shape \(1, 3, 4\); accepted: \[M, H, H\]"),
        ((1, 3, 3), 4, "image size 4; accepted: 1 to 3"),
        ((1, 3, 3), 0, "image size 0; accepted: 1 to 3"),
    ],
)
def test_other_input_is_refused(shape, size, message):
    with pytest.raises(InputError, match=message):
        area_average(np.zeros(shape), size)
