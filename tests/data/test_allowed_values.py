"""Sets of factors of which some combinations never occur, against exact probabilities."""

from itertools import product

import numpy as np
import pytest

from cal_jax.data.allowed_values import allowed_values
from cal_jax.errors import InputError

ALLOWED = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]], bool)
SETS = 20_000


def drawn(label, allowed=ALLOWED, set_size=3, seed=0):
    labels = np.tile(np.array(label, np.float32), (SETS, 1))
    values = allowed_values(np.random.default_rng(seed), allowed, labels, set_size)
    assert values.shape == (SETS, set_size, allowed.ndim)
    return values


def shares(values, sizes):
    """How often each combination comes, [*sizes]; values [..., K]."""
    cells = np.ravel_multi_index(np.moveaxis(values, -1, 0).reshape(len(sizes), -1), sizes)
    return (np.bincount(cells, minlength=np.prod(sizes)) / cells.size).reshape(sizes)


def close(found, expected, count=SETS):
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(0.25 / count))
    assert (found[expected == 0] == 0).all()


BY_ROW = ALLOWED / ALLOWED.sum(axis=1, keepdims=True) / 3
BY_COLUMN = ALLOWED / ALLOWED.sum(axis=0) / 4
EVENLY = ALLOWED / ALLOWED.sum()


@pytest.mark.parametrize(
    ("label", "expected"),
    [((1, 0), BY_ROW), ((0, 1), BY_COLUMN), ((1, 1), EVENLY), ((0, 0), EVENLY)],
)
def test_constants_are_uniform_and_the_others_uniform_beside_them(label, expected):
    values = drawn(label)
    for item in range(3):
        close(shares(values[:, item], (3, 4)), expected)
    constant = (values == values[:, :1]).all(axis=(0, 1))
    assert constant.tolist() == [entry == 1 for entry in label]


def test_items_of_a_set_are_drawn_independently_of_each_other():
    first, second = drawn((1, 0), set_size=2).transpose(1, 0, 2)
    zero = first[:, 0] == 0
    pairs = np.stack([first[zero, 1], second[zero, 1]], axis=-1)
    close(shares(pairs, (4, 4)), np.full((4, 4), 1 / 16), len(pairs))


def test_where_all_is_allowed_factors_are_independent():
    for label in product((0, 1), repeat=2):
        close(shares(drawn(label, np.ones((3, 4), bool))[:, 1], (3, 4)), np.full((3, 4), 1 / 12))


def test_three_factors_and_labels_in_any_order():
    allowed = np.random.default_rng(3).random((3, 4, 2)) < 0.5
    every = np.array(list(product((0, 1), repeat=3)), np.float32)
    labels = np.random.default_rng(4).permutation(np.repeat(every, 500, axis=0))
    values = allowed_values(np.random.default_rng(0), allowed, labels, 5)
    assert allowed[tuple(np.moveaxis(values, -1, 0))].all()
    constant = (values == values[:, :1]).all(axis=1)
    assert constant[labels == 1].all()
    assert constant[labels == 0].mean() < 0.3
    outer = values[(labels == [1, 0, 1]).all(axis=1)][:, 0][:, [0, 2]]
    ends = allowed.any(axis=1)
    close(shares(outer, (3, 2)), ends / ends.sum(), len(outer))


def test_a_value_without_any_allowed_combination_never_comes():
    allowed = ALLOWED.copy()
    allowed[1] = False
    for label in product((0, 1), repeat=2):
        assert not (drawn(label, allowed)[..., 0] == 1).any()


def test_nothing_allowed():
    with pytest.raises(InputError, match="allowed: no combination of values; accepted: 1 or more"):
        drawn((1, 0), np.zeros((3, 4), bool))
