"""Every score against a value worked out by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics import scores


def test_conditional_counts_items_with_their_sets_own_label():
    predictions = [[3, 3, 1, 3], [0, 1, 1, 0], [2, 2, 2, 2]]
    assert scores.conditional(predictions, [3, 1, 0]) == pytest.approx((3 + 2 + 0) / 12)


def test_agreement_counts_items_with_the_modal_label():
    assert scores.agreement([[5, 5, 5, 2], [0, 1, 2, 3], [7, 7, 4, 4]]) == pytest.approx(
        (3 + 1 + 2) / 12
    )


def test_agreement_of_a_chance_background_is_62_percent():
    background = np.random.default_rng(0).integers(0, 2, (20_000, 10))
    assert scores.agreement(background) == pytest.approx(0.623, abs=0.003)


def test_pair_difference_counts_unequal_pairs():
    # AAB: 2 of 3 pairs differ; ABC: 3 of 3; AAA: none.
    predictions = [[0, 0, 1], [0, 1, 2], [4, 4, 4]]
    assert scores.pair_difference(predictions) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_diversity_is_relative_to_real_sets_of_any_size():
    generated = [[0, 0, 1], [1, 1, 1]]  # 1/3
    real = [[0, 0, 1, 1]]  # 4 of 6 pairs
    assert scores.diversity(generated, real) == pytest.approx(0.5)


def test_mutual_information_in_nats():
    first = np.array([[0, 0, 1, 1]])
    assert scores.mutual_information(first, first) == pytest.approx(np.log(2))
    assert scores.mutual_information(first, [[3, 5, 3, 5]]) == pytest.approx(0, abs=1e-12)
    # p(0, 0) = 1/2, p(1, 0) = p(1, 1) = 1/4
    want = 0.5 * np.log(4 / 3) + 0.25 * np.log(2 / 3) + 0.25 * np.log(2)
    assert scores.mutual_information(first, [[0, 0, 0, 1]]) == pytest.approx(want)
    rng = np.random.default_rng(0)
    ten, eight = rng.integers(10, size=(2000, 10)), rng.integers(8, size=(2000, 10))
    assert scores.mutual_information(ten, eight) == pytest.approx(63 / 40_000, abs=8e-4)
    with pytest.raises(InputError, match="do not match"):
        scores.mutual_information(first, [[0, 1]])


def test_diversity_of_real_against_real_is_one():
    real = np.random.default_rng(1).integers(0, 10, (30, 5))
    assert scores.diversity(real, real) == 1.0


def test_sets_that_are_each_constant_are_not_diverse_however_they_differ():
    constant = np.repeat(np.arange(10)[:, None], 6, axis=1)
    assert scores.diversity(constant, [[0, 1, 2]]) == 0.0


def test_joint_needs_every_factor():
    predictions = [[[1, 0], [1, 1], [2, 0], [1, 0]], [[4, 1], [4, 1], [4, 1], [3, 0]]]
    assert scores.joint(predictions, [[1, 0], [4, 1]]) == pytest.approx((2 + 3) / 8)


def test_numbers_are_shown_in_their_unit():
    assert scores.shown(0.9731, scores.FRACTION) == "97.3"
    assert scores.shown_unit(scores.FRACTION) == "%"
    assert scores.shown(-41.868, scores.NATS_PER_ITEM) == "-41.87"
    assert scores.shown(None, scores.RATIO) == ""


@pytest.mark.parametrize(
    "call",
    [
        lambda: scores.conditional([[1, 2]], [1, 2]),
        lambda: scores.conditional([1, 2], [1, 2]),
        lambda: scores.conditional([[1.0, 2.0]], [1]),
        lambda: scores.agreement(np.zeros((0, 4), int)),
        lambda: scores.pair_difference([[1], [2]]),
        lambda: scores.diversity([[1, 2]], [[3, 3]]),
        lambda: scores.joint([[[1, 0]]], [[1, 0, 2]]),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_small_numbers_of_nats_have_three_decimals_and_a_spread_as_many_as_its_mean():
    assert scores.shown(-1.2345, scores.NATS_PER_ITEM) == "-1.234"
    assert scores.shown(-143.5, scores.NATS_PER_ITEM) == "-143.50"
    assert scores.shown(0.1234, scores.NATS_PER_ITEM, beside=-143.5) == "0.12"
    assert scores.shown(0.0012, scores.NATS_PER_ITEM, beside=-1.3) == "0.001"
    assert scores.shown(None, scores.NATS_PER_ITEM) == ""
    assert scores.shown(1.23456, scores.BITS) == "1.235"
