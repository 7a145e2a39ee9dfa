"""Classes and sets told apart by the KL of contexts whose places are known."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.evaluation.constant_posteriors import Moments, pairwise_kl
from cal_jax.evaluation.few_shot import few_shot_accuracy, few_shot_scores
from cal_jax.evaluation.retrieval import chance, ranked, retrieval_scores

RNG = np.random.default_rng(0)
CLASSES, EPISODES, DIM = 4, 30, 3


def placed(noise, rng, spread=0.5):
    """Contexts [V * E, C], those of class v around the v-th corner."""
    corners = 3.0 * np.eye(CLASSES, DIM)
    mean = np.repeat(corners, EPISODES, axis=0) + noise * rng.normal(size=(CLASSES * EPISODES, DIM))
    return Moments(mean.astype(np.float32), np.full(mean.shape, np.log(spread), np.float32))


def test_every_pair_s_divergence_is_the_gaussians_own_and_not_symmetric():
    first = Moments(RNG.normal(size=(2, 3, DIM)), RNG.normal(size=(2, 3, DIM)))
    second = Moments(RNG.normal(size=(2, 5, DIM)), RNG.normal(size=(2, 5, DIM)))
    got = np.asarray(pairwise_kl(first, second))
    assert got.shape == (2, 3, 5)
    gap = first.mean[1, 2] - second.mean[1, 4]
    ratio = np.exp(first.log_variance[1, 2] - second.log_variance[1, 4])
    want = 0.5 * np.sum(ratio - 1 - np.log(ratio) + gap**2 / np.exp(second.log_variance[1, 4]))
    np.testing.assert_allclose(got[1, 2, 4], want, rtol=1e-5)
    assert abs(got[1, 2, 4] - np.asarray(pairwise_kl(second, first))[1, 4, 2]) > 0.1


def test_images_go_to_the_nearest_class_of_their_own_episode():
    queries, far, near = (placed(noise, RNG) for noise in (0.1, 50.0, 0.1))
    scores = few_shot_scores("digit", queries, {1: far, 5: near}, CLASSES)
    assert set(scores) == {"few_shot_digit_1", "few_shot_digit_5", "few_shot_digit_chance"}
    assert scores["few_shot_digit_5"].value == 1.0
    assert abs(scores["few_shot_digit_1"].value - 0.25) < 0.15
    assert scores["few_shot_digit_chance"].value == 0.25


def test_an_image_s_uncertainty_is_compared_too():
    """Two classes in one place, which differ in how sure of it they are."""
    mean, variance = np.zeros((1, 2, DIM)), np.array([[[1.0], [9.0]]]) * np.ones((1, 2, DIM))
    classes = Moments(mean, np.log(variance))
    assert few_shot_accuracy(classes, classes) == 1.0
    swapped = classes.of((slice(None), slice(None, None, -1)))
    assert few_shot_accuracy(swapped, classes) == 0.0


def gaussians(means, variances):
    """One episode of classes in one dimension: [1, V, 1]."""
    mean, variance = (np.array(values, float)[None, :, None] for values in (means, variances))
    return Moments(mean, np.log(variance))


def test_each_image_asks_for_its_class_and_measures_by_its_own_uncertainty():
    near_one = gaussians([1, 2], [1, 1]), gaussians([0, 10], [1, 1])
    assert few_shot_accuracy(*near_one) == 0.5
    sure_of_one = gaussians([0, 1.5], [1, 1]), gaussians([0, 1.5], [0.05, 1])
    assert few_shot_accuracy(*sure_of_one) == 1.0  # in the other direction 0.5


def test_a_ranking_s_precisions_are_those_worked_out_by_hand():
    values = np.array([0, 0, 0, 1, 1])
    distances = np.array(  # from the query in a row
        [
            [9, 1, 3, 2, 4],  # found: 1 of 1, 2 of 3
            [1, 9, 2, 3, 4],  # first both: 1
            [4, 3, 9, 2, 1],  # last both: 1/3, 2/4
            [1, 2, 3, 9, 4],  # last: 1/4
            [2, 3, 4, 1, 0],  # first: 1; itself is nearest, and is left out
        ],
        float,
    )
    found = ranked(distances, values)
    each = [(1 + 2 / 3) / 2, 1, (1 / 3 + 1 / 2) / 2, 1 / 4, 1]
    np.testing.assert_allclose(found.average_precision, np.mean(each))
    np.testing.assert_allclose(found.precision, np.mean([2 / 4, 2 / 4, 2 / 4, 1 / 4, 1 / 4]))


def test_chance_is_what_random_orders_reach():
    values = np.repeat([0, 1, 2], [3, 4, 8])
    rng = np.random.default_rng(1)
    found = np.array([ranked(rng.random((15, 15)), values) for _ in range(800)])
    error = found.std(axis=0) / np.sqrt(len(found))
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - chance(values)), 4.5 * error)


def test_sets_are_found_by_their_contexts():
    values = np.repeat(np.arange(CLASSES), EPISODES)
    scores = retrieval_scores("rotation", placed(0.05, RNG), values)
    assert {name: score.value for name, score in scores.items() if "chance" not in name} == {
        "retrieval_rotation_at_10": 1.0,
        "retrieval_rotation_map": pytest.approx(1.0),
    }
    assert scores["retrieval_rotation_at_10_chance"].value == pytest.approx(29 / 119)
    lost = retrieval_scores("rotation", placed(50.0, RNG), values)["retrieval_rotation_map"]
    assert abs(lost.value - scores["retrieval_rotation_map_chance"].value) < 0.05


def test_bad_input_is_named():
    two = Moments(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match=r"queries \(1, 2, 3\), classes \(1, 1, 3\)"):
        few_shot_accuracy(two, two.of((slice(None), slice(1))))
    with pytest.raises(InputError, match=r"distances \(2, 3\) of 2 values"):
        ranked(np.zeros((2, 3)), np.array([0, 0]))
    with pytest.raises(InputError, match="one set alone has its value"):
        ranked(np.zeros((3, 3)), np.array([0, 0, 1]))
