"""Nearest-neighbour scores against values worked out by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics.neighbours import knn_accuracy, knn_r2, r2

TRAIN = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]
LABELS = [0, 0, 1, 1, 1, 0]
TEST = [[0.1], [5.1], [5.15], [0.05]]


def test_accuracy_is_the_share_of_majority_votes_that_are_right():
    # Votes of the three nearest: 0, 1, 1, 0.
    assert knn_accuracy(TRAIN, LABELS, TEST, [0, 1, 0, 1], neighbours=3) == 0.5
    assert knn_accuracy(TRAIN, LABELS, [[0.19], [5.21]], [1, 0], neighbours=1) == 1.0


def test_regression_averages_the_nearest_targets():
    targets = [0.0, 3.0, 6.0, 9.0, 12.0, 15.0]
    # Predictions 3 and 12 for targets 4 and 14: SSE 1 + 4, SST 2 * 5^2.
    score = knn_r2(TRAIN, targets, [[0.1], [5.1]], [4.0, 14.0], neighbours=3)
    assert score == pytest.approx(1 - 5 / 50)


def test_ten_neighbours_unless_told():
    train = np.arange(20.0)[:, None]
    labels = [0] * 6 + [1] * 14
    assert knn_accuracy(train, labels, [[0.0]], [0]) == 1.0  # six of ten votes
    assert knn_r2(train, train[:, 0], [[0.0], [19.0]], [4.5, 14.5]) == pytest.approx(1)


def test_r2_is_one_for_the_truth_zero_for_the_mean_and_negative_below():
    target = [1.0, 2.0, 6.0]
    assert r2(target, target) == 1.0
    assert r2([3.0, 3.0, 3.0], target) == 0.0
    assert r2([6.0, 2.0, 1.0], target) == pytest.approx(1 - 50 / 14)


@pytest.mark.parametrize("score", [knn_accuracy, knn_r2])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_values": LABELS[:-1]}, r"train_\w+: shape \(5,\); accepted: \(6,\)"),
        ({"test_values": [0, 1]}, r"test_\w+: shape \(2,\); accepted: \(4,\)"),
        ({"train": [*TRAIN[:-1], [np.nan]]}, "train: NaN or infinity"),
        ({"test": [*TEST[:-1], [np.inf]]}, "test: NaN or infinity"),
        ({"test": np.ones((4, 2))}, "test: 2 features; accepted: 1"),
        ({"train": np.ones(6)}, r"train: shape \(6,\); accepted: \[M, F\]"),
        ({"neighbours": 7}, "neighbours 7; accepted: 1 to 6 training rows"),
        ({"neighbours": 0}, "neighbours 0; accepted: 1 to 6"),
    ],
)
def test_bad_input_is_named(score, change, message):
    given = {
        "train": TRAIN,
        "train_values": LABELS,
        "test": TEST,
        "test_values": [0, 1, 0, 1],
        "neighbours": 3,
    } | change
    neighbours = given.pop("neighbours")
    with pytest.raises(InputError, match=message):
        score(*given.values(), neighbours=neighbours)


def test_r2_needs_targets_that_differ_and_numbers():
    with pytest.raises(InputError, match="all values are the same"):
        r2([1.0, 2.0], [3.0, 3.0])
    with pytest.raises(InputError, match="predicted: NaN"):
        r2([np.nan, 2.0], [3.0, 4.0])
    with pytest.raises(InputError, match="predicted: shape"):
        r2([2.0], [3.0, 4.0])
