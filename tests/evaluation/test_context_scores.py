"""Probes and two-sample tests of contexts, on samples whose answers are known."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.leakage import ContextRows, probe_scores
from cal_jax.metrics.mismatch import two_sample_auc

NAMES = ("digit", "rotation")


def rows(seed, leak):
    """For each context, means that show its own factor, and so much of the other."""
    rng = np.random.default_rng(seed)
    factors = rng.integers([4, 3], size=(1_500, 2))
    one_hot = [np.eye(4)[factors[:, 0]], np.eye(3)[factors[:, 1]]]
    noise = rng.normal(size=(1_500, 7)) * 0.1
    of_digit = np.concatenate([one_hot[0], leak * one_hot[1]], axis=1) + noise
    of_rotation = np.concatenate([0 * one_hot[0], one_hot[1]], axis=1) + noise
    return [ContextRows(of_digit, factors), ContextRows(of_rotation, factors)]


def test_a_probe_finds_what_a_context_knows_and_nothing_else():
    scores = {n: s.value for n, s in probe_scores(NAMES, rows(0, 1.0), rows(1, 1.0)).items()}
    assert set(scores) == {
        "informativeness_digit",
        "informativeness_rotation",
        "leakage_rotation_in_digit",
        "leakage_digit_in_rotation",
    }
    assert scores["informativeness_digit"] > 0.98 and scores["informativeness_rotation"] > 0.98
    assert scores["leakage_rotation_in_digit"] > 0.6  # of 2/3
    assert abs(scores["leakage_digit_in_rotation"]) < 0.06
    without = probe_scores(NAMES, rows(0, 0.0), rows(1, 0.0))
    assert abs(without["leakage_rotation_in_digit"].value) < 0.06


def test_two_samples_of_one_gaussian_cannot_be_told_apart_and_moved_ones_as_far_as_they_are():
    rng = np.random.default_rng(0)
    first, same, moved = (rng.normal(mean, 1.0, size=(3_000, 3)) for mean in (0.0, 0.0, 1.0))
    assert abs(two_sample_auc(first, same) - 0.5) < 0.04
    assert abs(two_sample_auc(first, moved) - 0.8897) < 0.03  # Phi(sqrt(3) / sqrt(2))


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (np.zeros((3, 2)), "first: 3 rows; accepted: 4 or more"),
        (np.full((9, 2), np.nan), "first: NaN or infinity"),
        (np.zeros(9), "first: shapes"),
    ],
)
def test_bad_samples_are_named(first, message):
    with pytest.raises(InputError, match=message):
        two_sample_auc(first, np.zeros((9, 2)))
