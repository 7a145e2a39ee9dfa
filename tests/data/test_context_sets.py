"""Sets of any contexts: their shapes, their values and masks, and what is refused."""

import time

import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.context_sets import (
    ContextSets,
    accidentally_constant,
    draw_context_sets,
    free_rank,
)
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import all_masks
from cal_jax.errors import InputError
from tests.data.drawn_sets import DIGITS, X, close, constant, digits, rendered_table, sets, shares


def test_shapes_and_types():
    drawn = sets(num_sets=8)
    assert drawn.items.shape == (8, 10)
    assert drawn.values.shape == (8, 10, 2)
    assert drawn.constant_mask.shape == (8, 2)
    assert drawn.mask is None
    assert [part.dtype for part in drawn[:3]] == [np.int32, np.int32, np.float32]


def test_values_are_the_truth():
    drawn = sets()
    np.testing.assert_array_equal(drawn.values[..., 0], DIGITS[drawn.items])
    assert set(np.unique(drawn.values[..., 1])) == {0, 1}


def test_constant_contexts_are_constant_and_varying_ones_vary():
    drawn = sets()
    assert constant(drawn)[drawn.constant_mask == 1].all()
    varying = drawn.constant_mask == 0
    assert not constant(drawn)[..., 0][varying[..., 0]].any()
    # Two values in ten items: constant by chance in 2 * 2**-10 of the sets.
    assert constant(drawn)[..., 1][varying[..., 1]].mean() < 0.01


def test_no_item_comes_twice_in_a_set():
    assert (np.diff(np.sort(sets().items, axis=1), axis=1) > 0).all()


def test_a_digit_of_exactly_set_size_is_used_up():
    drawn = sets(mix=(((1, 1), 1),), num_sets=300)
    zeros = np.flatnonzero(DIGITS == 0)
    used = drawn.items[drawn.values[:, 0, 0] == 0]
    assert len(used)
    np.testing.assert_array_equal(np.sort(used, axis=1), np.broadcast_to(zeros, used.shape))


def test_many_contexts_of_columns_with_holes():
    rng = np.random.default_rng(3)
    cells = np.argwhere(rng.random((3, 4, 2, 3, 2, 3)) < 0.5)
    rows = cells[rng.integers(len(cells), size=6000)]
    data = FactorDataset(np.zeros((6000, 1), np.uint8), {f"f{k}": rows[:, k] for k in range(6)})
    drawn = draw_context_sets(
        rng, data, data.names, num_sets=640, set_size=5, mix=[(a, 1) for a in all_masks(6)[-63:]]
    )
    np.testing.assert_array_equal(drawn.values, rows[drawn.items])
    assert constant(drawn)[drawn.constant_mask == 1].all()
    assert constant(drawn)[drawn.constant_mask == 0].mean() < 0.25
    assert (np.diff(np.sort(drawn.items, axis=1), axis=1) > 0).all()


def test_one_context_is_constant_by_default_and_a_subset_ignores_the_rest():
    columns = {"digit": DIGITS, "noise": np.arange(len(DIGITS)) % 7}
    data = FactorDataset(X, columns, value_names={"digit": range(10)})
    drawn = draw_context_sets(np.random.default_rng(0), data, ("digit",), num_sets=50, set_size=4)
    assert (drawn.constant_mask == 1).all()
    assert constant(drawn).all()
    both = draw_context_sets(
        np.random.default_rng(0), data, ("noise", "digit"), num_sets=50, set_size=4
    )
    np.testing.assert_array_equal(both.constant_mask.sum(axis=0), [25, 25])
    np.testing.assert_array_equal(both.values[..., 1], DIGITS[both.items])


def test_sets_of_several_sizes():
    drawn = sets(mix=(((1, 0), 1), ((0, 1), 1)), num_sets=4000, set_size=(3, 12))
    assert drawn.items.shape == (4000, 12)
    assert drawn.mask.dtype == np.float32
    sizes = drawn.mask.sum(axis=1).astype(int)
    assert (drawn.mask == (np.arange(12) < sizes[:, None])).all()
    close(np.bincount(sizes, minlength=13) / 4000, (np.arange(13) > 2) / 10, 4000)
    for items, values, size in zip(drawn.items, drawn.values, sizes, strict=True):
        assert len(np.unique(items[:size])) == size
        assert (items[size:] == items[0]).all()
        assert (values[size:] == values[0]).all()
    np.testing.assert_array_equal(drawn.values[..., 0], DIGITS[drawn.items])
    # Digits 0 and 1 have ten items: they make the sets of up to ten alone.
    scarce = (drawn.constant_mask[:, 0] == 1) & (drawn.values[:, 0, 0] <= 1)
    assert sizes[scarce].max() == 10
    close(
        shares(drawn.values[(sizes == 3) & (drawn.constant_mask[:, 0] == 1)][:, :1, :1], (10,)),
        (np.arange(10) != 7) / 9,
        200,
    )


def test_given_values():
    drawn = sets((((0, 1), 1),), num_sets=400, given={"turn": 1}, data=digits(4))
    assert (drawn.values[..., 1] == 1).all()
    assert set(np.unique(drawn.values[..., 0])) == set(range(10)) - {7}
    threes = sets((((1, 0), 1),), num_sets=40, given={"digit": "3"})
    assert (threes.values[..., 0] == 3).all()
    assert set(np.unique(threes.values[..., 1])) == {0, 1}


def test_masks_come_in_the_proportions_of_the_mix():
    drawn = sets(mix=(((1, 0), 5), ((0, 1), 1)), num_sets=600, set_size=3)
    np.testing.assert_array_equal(drawn.constant_mask.sum(axis=0), [500, 100])
    np.testing.assert_array_equal(drawn.constant_mask.sum(axis=1), np.ones(600))


def test_reproducible_from_the_generator():
    for first, again in zip(sets()[:3], sets()[:3], strict=True):
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(sets().items, sets(seed=1).items)


def test_one_item_sets():
    drawn = sets(num_sets=40, set_size=1)
    assert drawn.items.shape == (40, 1)
    np.testing.assert_array_equal(
        accidentally_constant(drawn), (drawn.constant_mask == 0).any(axis=1)
    )


def draw_of(contexts):
    return lambda: draw_context_sets(
        np.random.default_rng(0), digits(), contexts, num_sets=4, set_size=2
    )


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda: sets(set_size=0), "set_size 0; accepted: 1 or more"),
        (lambda: sets(set_size=(4, 3)), r"set_size \(4, 3\); accepted: 1 or more, or \(small"),
        (lambda: sets(num_sets=0), "num_sets 0; accepted: 1 or more"),
        (lambda: sets(mix=(((1, 0), -1),)), "mix: weights"),
        (lambda: sets(mix=(((1,), 1),)), r"mix: mask \(1,\); accepted: 2 entries"),
        (
            lambda: sets(set_size=201),
            r"mask \(1, 0\) of \(digit, turn\): no combination of constant values has more than "
            "200 different items; accepted: set_size up to 200, not 201",
        ),
        (lambda: sets(mix=(((0, 0), 1),), set_size=433), r"mask \(0, 0\) .* more than 432 "),
        (
            lambda: sets(mix=(((1, 0), 1),), data=digits(1)),
            r"mask \(1, 0\) of \(digit, turn\): turn has one value alone, and cannot vary",
        ),
        (lambda: sets(given={"digit": 7}), "given {'digit': 7}: no combination of values occurs"),
        (lambda: sets(given={"digit": 11}), "'digit': value '11'; accepted: 0, 1"),
        (lambda: sets(given={"size": 1}), "given 'size'; accepted: digit, turn"),
        (draw_of(()), r"contexts \(\); accepted: 1 or more of digit, turn"),
        (draw_of(("turn", "turn")), "each once"),
        (draw_of(("turn", "size")), "factor 'size'; accepted: digit, turn"),
        (draw_of(("digit",)), "without turn, which are rendered; accepted"),
        (
            lambda: draw_context_sets(
                np.random.default_rng(0),
                rendered_table(),
                ("turn",),
                num_sets=4,
                set_size=2,
            ),
            "some combinations of turn, digit are held out; accepted: contexts with all",
        ),
    ],
)
def test_bad_arguments(draw, reason):
    with pytest.raises(InputError, match=reason):
        draw()


def test_masks_without_weight_are_not_checked():
    drawn = sets(mix=(((1, 1), 0), ((0, 1), 1)), data=digits(1), num_sets=20)
    assert (drawn.constant_mask == [0, 1]).all()


def test_twenty_thousand_sets_in_two_seconds():
    data = FactorDataset(
        np.zeros((60_000, 1), np.uint8),
        {"digit": np.random.default_rng(0).integers(10, size=60_000)},
        rendered={"turn": range(8)},
        render=lambda x, values, key: x,
    )
    start = time.perf_counter()
    sets(num_sets=20_000, data=data)
    assert time.perf_counter() - start < 2


def test_accidentally_constant():
    values = np.zeros((4, 3, 2), np.int32)
    values[:, :, 0] = [[1, 1, 1], [1, 1, 1], [1, 2, 3], [1, 2, 3]]
    values[:, :, 1] = [[0, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1]]
    masks = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.float32)
    drawn = ContextSets(np.zeros((4, 3), np.int32), values, masks)
    np.testing.assert_array_equal(accidentally_constant(drawn), [False, True, True, False])


@pytest.mark.parametrize("module", [np, jnp])
def test_free_rank_is_that_of_a_list(module):
    rng = np.random.default_rng(0)
    for used in range(6):
        taken = rng.choice(8, used, replace=False)
        free = np.setdiff1d(np.arange(8), taken)
        padded = module.asarray(np.concatenate([taken, np.full(3, 100)]))
        found = [int(free_rank(module, module.asarray(n), padded)) for n in range(len(free))]
        assert found == free.tolist()
