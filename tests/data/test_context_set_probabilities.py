"""Values and items of sets against the probabilities that ``draw_context_sets`` promises."""

from itertools import product

import numpy as np
import pytest

from cal_jax.data.context_sets import accidentally_constant, draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import all_masks
from tests.data.drawn_sets import (
    DIGITS,
    SHOWN,
    X,
    close,
    column_table,
    constant,
    rendered_table,
    sets,
    shares,
)

BY_ROW = SHOWN / SHOWN.sum(axis=1, keepdims=True) / 3
BY_COLUMN = SHOWN / SHOWN.sum(axis=0) / 4
EVENLY = SHOWN / SHOWN.sum()
MASKS = [((1, 0), BY_ROW), ((0, 1), BY_COLUMN), ((1, 1), EVENLY), ((0, 0), EVENLY)]


def test_combinations_with_too_few_items_are_left_out_where_they_are_constant():
    drawn = sets(mix=(((1, 0), 1), ((0, 1), 1)), set_size=15)
    by_digit = drawn.constant_mask[:, 0] == 1
    close(
        np.bincount(drawn.values[by_digit, 0, 0], minlength=10) / 2000,
        np.isin(np.arange(10), [3, 4, 5, 6, 8, 9]) / 6,
        2000,
    )
    # Where the digit varies each comes as often.
    first = np.bincount(drawn.values[~by_digit, 0, 0], minlength=10) / 2000
    close(first, (np.arange(10) != 7) / 9, 2000)


@pytest.mark.parametrize("mask", [(1, 0), (0, 1)], ids=["constant", "varying"])
def test_digits_then_their_items_are_uniform(mask):
    drawn = sets(mix=((mask, 1),), num_sets=9000)
    found = np.bincount(DIGITS[drawn.items[:, 0]], minlength=10) / 9000
    expected = (np.arange(10) != 7) / 9
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(1 / 9 * 8 / 9 / 9000))
    # The last item of a set is as uniform inside its digit as the first.
    for column in (0, 9):
        threes = drawn.items[:, column][drawn.values[:, column, 0] == 3]
        uses = np.bincount(threes, minlength=len(DIGITS))[DIGITS == 3]
        assert ((uses - uses.mean()) ** 2 / uses.mean()).sum() < 50  # chi-square, 19 degrees
    np.testing.assert_allclose(drawn.values[:, 0, 1].mean(), 0.5, atol=4.5 * 0.5 / np.sqrt(9000))


@pytest.mark.parametrize(("mask", "expected"), MASKS)
@pytest.mark.parametrize("table", [rendered_table, column_table])
def test_constants_are_uniform_and_the_others_uniform_beside_them(table, mask, expected):
    drawn = sets(((mask, 1),), num_sets=20_000, set_size=3, data=table())
    for item in range(3):
        close(shares(drawn.values[:, item], (3, 4)), expected, 20_000)
    assert constant(drawn).all(axis=0).tolist() == [entry == 1 for entry in mask]


def test_items_of_a_set_take_their_values_independently():
    drawn = sets((((1, 0), 1),), num_sets=20_000, set_size=2, data=rendered_table())
    first, second = drawn.values.transpose(1, 0, 2)
    zero = first[:, 0] == 0
    pairs = np.stack([first[zero, 1], second[zero, 1]], axis=-1)
    close(shares(pairs, (4, 4)), np.full((4, 4), 1 / 16), len(pairs))


def test_single_items_of_every_combination_are_each_used_once():
    cells = np.array(list(product(range(4), range(5))))
    data = FactorDataset(X[:20], {"a": cells[:, 0], "b": cells[:, 1]})
    drawn = draw_context_sets(
        np.random.default_rng(0), data, ("a", "b"), num_sets=4000, set_size=4, mix=[((1, 0), 1)]
    )
    np.testing.assert_array_equal(drawn.values, cells[drawn.items])
    assert (np.diff(np.sort(drawn.items, axis=1), axis=1) > 0).all()
    # Four of five values, without replacement: every item is as uniform as the first.
    for item in range(4):
        close(shares(drawn.values[:, item], (4, 5)), np.full((4, 5), 1 / 20), 4000)


def test_accident_rate_of_a_two_valued_context():
    rate = accidentally_constant(sets(mix=(((1, 0), 1),), num_sets=20_000)).mean()
    np.testing.assert_allclose(rate, 2 * 2.0**-10, atol=4.5 * np.sqrt(2.0**-9 / 20_000))


def test_three_contexts_of_which_two_are_rendered_and_masks_in_any_order():
    allowed = np.random.default_rng(3).random((3, 4, 2)) < 0.5
    data = FactorDataset(
        X[:60],
        {"digit": np.arange(60) % 3},
        rendered={"turn": range(4), "colour": range(2)},
        render=lambda x, values, key: x,
        shown={("digit", "turn", "colour"): allowed},
    )
    names = ("digit", "turn", "colour")
    rng = np.random.default_rng(0)
    mix = [(mask, 1) for mask in all_masks(3)]
    drawn = draw_context_sets(rng, data, names, num_sets=4000, set_size=5, mix=mix)
    assert allowed[tuple(np.moveaxis(drawn.values, -1, 0))].all()
    assert constant(drawn)[drawn.constant_mask == 1].all()
    assert constant(drawn)[drawn.constant_mask == 0].mean() < 0.3
    outer = drawn.values[(drawn.constant_mask == [1, 0, 1]).all(axis=1)][:, 0][:, [0, 2]]
    ends = allowed.any(axis=1)
    close(shares(outer, (3, 2)), ends / ends.sum(), len(outer))
