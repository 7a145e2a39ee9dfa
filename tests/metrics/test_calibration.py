"""Expected calibration error against hand-made bins."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.calibration import expected_calibration_error


def binary(confidence):
    """[M, 2] with the first class the more probable."""
    confidence = np.asarray(confidence, float)
    return np.stack([confidence, 1 - confidence], axis=1)


def test_the_gaps_of_two_bins_by_hand():
    """0.6 is right 1 time in 4, 0.9 3 times in 4: (4 x 0.35 + 4 x 0.15) / 8."""
    probabilities = binary([0.6] * 4 + [0.9] * 4)
    truth = np.array([0, 1, 1, 1, 0, 0, 0, 1])
    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.25)


def test_gaps_of_one_bin_cancel_and_of_two_do_not():
    """0.55 always right and 0.95 half right: in one bin gaps of +0.45 and -0.45."""
    probabilities, truth = binary([0.55, 0.55, 0.95, 0.95]), np.array([0, 0, 0, 1])
    assert expected_calibration_error(probabilities, truth, bins=1) == pytest.approx(0.0)
    assert expected_calibration_error(probabilities, truth, bins=2) == pytest.approx(0.0)
    assert expected_calibration_error(probabilities, truth, bins=4) == pytest.approx(0.45)


def test_an_edge_belongs_to_the_bin_below_and_certainty_to_the_last():
    probabilities = binary([0.75, 0.74, 1.0, 1.0])
    truth = np.array([0, 1, 0, 0])
    want = abs(0.25 - 0.74) / 4
    assert expected_calibration_error(probabilities, truth, bins=4) == pytest.approx(want)


def test_calibrated_predictions_have_an_error_near_0_and_sure_wrong_ones_1():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), size=50_000)
    truth = (probabilities.cumsum(axis=1) < rng.random((50_000, 1))).sum(axis=1)
    assert expected_calibration_error(probabilities, truth) < 0.01
    assert expected_calibration_error(np.eye(2)[[0, 1]], np.array([1, 0])) == 1.0


@pytest.mark.parametrize(
    ("probabilities", "truth", "bins", "words"),
    [
        (np.ones((0, 2)), np.ones(0, int), 15, "M of 1 or more"),
        (binary([0.6]), np.array([0, 1]), 15, "accepted"),
        (np.array([[0.6, 0.6]]), np.array([0]), 15, "no distribution"),
        (binary([0.6]), np.array([0]), 0, "bins 0"),
    ],
)
def test_bad_input_is_refused(probabilities, truth, bins, words):
    with pytest.raises(InputError, match=words):
        expected_calibration_error(probabilities, truth, bins=bins)
