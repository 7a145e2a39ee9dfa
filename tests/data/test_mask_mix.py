import math

import numpy as np
import pytest

from cal_jax.data.mask_mix import all_masks, mixed_masks, one_constant
from cal_jax.errors import InputError

MIX = (((1, 0), 5), ((0, 1), 1))


def counts(mix, num_sets, seed=0):
    masks = mixed_masks(np.random.default_rng(seed), mix, num_sets, 2)
    assert masks.shape == (num_sets, 2)
    assert masks.dtype == np.float32
    return [int((masks == np.asarray(mask)).all(axis=1).sum()) for mask, _ in mix]


@pytest.mark.parametrize(
    ("mix", "num_sets", "expected"),
    [
        (MIX, 20_000, [16_667, 3_333]),
        (MIX, 6, [5, 1]),
        (MIX, 1, [1, 0]),
        (MIX, 2, [2, 0]),
        (MIX, 3, [3, 0]),  # 2.5 and 0.5: a tie goes to the first of the two
        ((((1, 0), 1), ((0, 1), 1), ((1, 1), 1)), 10, [4, 3, 3]),
        ((((1, 0), 0.2), ((0, 1), 0.3), ((1, 1), 0.5)), 10, [2, 3, 5]),
        ((((1, 1), 0), ((0, 0), 2)), 7, [0, 7]),
    ],
)
def test_counts_by_largest_remainder(mix, num_sets, expected):
    assert counts(mix, num_sets) == expected


def test_order_is_random_and_reproducible():
    first, again, other = (
        mixed_masks(np.random.default_rng(seed), MIX, 100, 2) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (np.diff(first[:, 0]) != 0).sum() > 10


@pytest.mark.parametrize(
    ("mix", "reason"),
    [
        ((), r"weights \[\]"),
        ((((1, 0), -1), ((0, 1), 2)), "weights .*accepted: finite"),
        ((((1, 0), math.inf),), "weights"),
        ((((1, 0), math.nan),), "weights"),
        ((((1, 0), 0),), "weights"),
        ((((1, 0, 0), 1),), r"mask \(1, 0, 0\); accepted: 2 entries"),
        ((((2, 0), 1),), r"mask \(2, 0\)"),
        ((((1, 0), 1), ((1, 0), 1)), r"mask \(1, 0\); .*each mask once"),
    ],
)
def test_bad_mix(mix, reason):
    with pytest.raises(InputError, match=f"^mix: {reason}"):
        mixed_masks(np.random.default_rng(0), mix, 10, 2)


def test_masks_of_any_number_of_factors():
    assert one_constant(1) == [(1,)] and all_masks(1) == [(1,), (0,)]
    assert one_constant(3) == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert all_masks(2) == [(1, 1), (1, 0), (0, 1), (0, 0)]
    assert len(set(all_masks(4))) == 16


def test_no_sets():
    with pytest.raises(InputError, match="num_sets 0; accepted: 1 or more"):
        mixed_masks(np.random.default_rng(0), MIX, 0, 2)
