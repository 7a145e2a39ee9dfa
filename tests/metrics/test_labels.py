"""Pseudo-accuracy: the best over the orders of the contexts, and nothing better."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from cal_jax.errors import InputError
from cal_jax.metrics.labels import (
    label_scores,
    pseudo_accuracy,
    rows_of,
)

ONE = np.eye(3, dtype=np.float32)
SUBSETS = np.array([(1, 1), (1, 0), (0, 1), (0, 0)], np.float32)


def test_a_cyclic_order_of_three_contexts_is_found():
    """The model's context 1 is factor 0, its 2 factor 1, its 0 factor 2."""
    truth = np.array([0, 1, 2, 0, 1, 2])
    read = np.array([1, 2, 0, 1, 2, 2])  # the last is wrong
    agreement = pseudo_accuracy(confusion_matrix(truth, read), ONE)
    assert agreement.accuracy == pytest.approx(5 / 6)
    assert agreement.order == (1, 2, 0)


def test_subsets_keep_both_and_neither_in_any_order():
    truth = np.array([0, 0, 1, 2, 3, 3])
    read = np.array([0, 0, 2, 1, 3, 3])
    assert pseudo_accuracy(confusion_matrix(truth, read), SUBSETS).accuracy == 1.0
    both_as_neither = np.array([3, 3, 2, 1, 3, 3])
    agreement = pseudo_accuracy(confusion_matrix(truth, both_as_neither), SUBSETS)
    assert agreement.accuracy == pytest.approx(4 / 6) and agreement.order == (1, 0)


def test_scores_of_a_sure_and_of_an_unsure_network():
    support, truth = np.eye(2, dtype=np.float32), np.arange(4000) % 2
    labels = support[truth]
    course = [np.array([[3.0, 1.0], [1.0, 3.0]]), np.array([[1.0, 9.0], [9.0, 1.0]])]
    sure = label_scores(support[1 - truth], labels, support, course, seed=0)
    assert sure.order == (1, 0)
    assert {name: score.value for name, score in sure.scores.items()} == {
        "accuracy": 1.0,
        "accuracy_sampled": 1.0,
        "best_accuracy": 0.9,
        "nmi": pytest.approx(1.0),
    }
    unsure = label_scores(0.5 + 0.2 * (support[truth] - 0.5), labels, support, course, seed=0)
    assert unsure.scores["accuracy"].value == 1.0 and unsure.order == (0, 1)
    assert unsure.scores["accuracy_sampled"].value == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: pseudo_accuracy(np.zeros((3, 3)), ONE), "one set or more"),
        (lambda: pseudo_accuracy(np.ones((2, 2)), ONE), r"accepted: \[3, 3\]"),
        (lambda: rows_of(np.ones((1, 3)), ONE), "is not in the support"),
        (lambda: pseudo_accuracy(np.ones((1, 1)), ONE[:1]), "is not in the support"),
    ],
)
def test_what_is_no_label_of_the_support_is_refused(function, words):
    with pytest.raises(InputError, match=words):
        function()
