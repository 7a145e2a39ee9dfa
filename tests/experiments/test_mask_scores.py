"""Scores of p(a | D) by the bound: the learned p(a) decides, in the order of the contexts."""

import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.objectives.learned_prior import LearnedPrior
from experiments.common.mask_scores import (
    BoundOfSets,
    even_mix,
    learned_log_prior,
    mask_scores,
)
from experiments.common.set_statistics import matched_accuracy, spread

SUPPORT = np.eye(2, dtype=np.float32)
EVEN = even_mix(SUPPORT)
UNEVEN = [((1, 0), 3), ((0, 1), 1)]
TURNED = [1, 0]
"""The model's contexts are the factors in the other order."""


def sets(truth, nats):
    """Sets with masks of these rows whose bound prefers the model's mask of theirs by so much."""
    truth = np.asarray(truth)
    elbo = np.zeros((len(truth), 2))
    elbo[np.arange(len(truth)), np.asarray(TURNED)[truth]] = nats
    return BoundOfSets(elbo - 100.0, SUPPORT[truth])


def values(*arguments):
    return {name: score.value for name, score in mask_scores(*arguments).items()}


def test_log_p_of_a_takes_part_in_the_choice():
    """Bounds that prefer the wrong mask by 1 nat in every fourth set: p(a) of 3 to 1 outweighs
    that for the frequent mask, and costs the rare ones that are right by 1."""
    truth, nats = [0, 0, 0, 0, 1, 1, 1, 1], [3.0, 3, 3, -1, 3, 3, 3, 1]
    even = sets(truth, nats)
    prior = np.log([0.25, 0.75])
    assert values(even, even, SUPPORT, EVEN, None)["accuracy_by_bound"] == 7 / 8
    found = values(even, even, SUPPORT, UNEVEN, prior)
    assert found["accuracy_by_bound"] == 7 / 8
    surer = sets(truth, [3.0, 3, 3, -1, 3, 3, 3, 2])
    assert values(surer, surer, SUPPORT, UNEVEN, prior)["accuracy_by_bound"] == 1.0


def test_shares_are_compared_in_the_order_of_the_contexts():
    even = sets([0, 1], [5.0, 5.0])
    found = values(even, even, SUPPORT, UNEVEN, np.log([0.3, 0.7]))
    assert found["share_error"] == pytest.approx(0.05)
    assert "share_error" not in values(even, even, SUPPORT, UNEVEN, None)
    one = values(even, even, SUPPORT, [((1, 0), 1)], np.log([0.3, 0.7]))
    assert one["share_error"] == pytest.approx(0.3)


def test_calibration_is_of_the_mixed_sets_with_the_learned_prior():
    even, mixed = sets([0, 1], [50.0, 50.0]), sets([0, 0, 0, 1], [0.0, 0, 0, 0])
    assert values(even, mixed, SUPPORT, UNEVEN, np.log([0.25, 0.75]))[
        "calibration_error"
    ] == pytest.approx(0.0, abs=1e-6)
    assert values(even, even, SUPPORT, UNEVEN, None)["calibration_error"] < 1e-6
    wrong = values(even, mixed, SUPPORT, UNEVEN, np.log([0.75, 0.25]))
    assert wrong["calibration_error"] == pytest.approx(0.5)


def test_only_a_learned_prior_is_one():
    prior = jnp.log(jnp.array([0.9, 0.1]))
    np.testing.assert_array_equal(learned_log_prior(LearnedPrior(prior, jnp.int32(3))), prior)
    assert learned_log_prior(()) is None


def test_clusters_are_matched_to_masks_and_one_number_is_the_variance_of_means():
    clusters, truth = np.array([2, 2, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 0])
    assert matched_accuracy(clusters, truth, 3) == pytest.approx(5 / 6)
    x = np.array([[[[0.0, 0.0]], [[1.0, 1.0]]], [[[0.0, 1.0]], [[1.0, 0.0]]]])
    np.testing.assert_allclose(spread(x), [[0.25], [0.0]])
