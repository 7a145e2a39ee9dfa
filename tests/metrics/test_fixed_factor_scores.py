"""The scores of the beta-VAE and the FactorVAE, and the draws that they are of."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics import (
    FixedFactorGroups,
    FixedFactorPairs,
    beta_vae_score,
    draw_groups,
    draw_pairs,
    factor_vae_score,
)
from tests.metrics.factor_tables import full_table, rotated

TABLE = full_table(4, 4, 4)
SQUARE = full_table(5, 5)


def beta(codes, factors=TABLE, points=400):
    return beta_vae_score(
        draw_pairs(codes, factors, points, 16, seed=0),
        draw_pairs(codes, factors, points, 16, seed=1),
    )


def factor(codes, factors=TABLE, points=400, **options):
    return factor_vae_score(
        draw_groups(codes, factors, points, 16, seed=0),
        draw_groups(codes, factors, points, 16, seed=1),
        codes,
        **options,
    )


@pytest.mark.parametrize("score", [beta, factor])
def test_perfect_codes_score_1_in_any_order(score):
    assert score(TABLE) == 1
    assert score(TABLE[:, [2, 0, 1]]) == 1


@pytest.mark.parametrize("score", [beta, factor])
def test_independent_codes_are_at_chance(score):
    table = full_table(4, 4, 4, 4)
    assert score(table[:, 2:], table[:, :2], points=2000) == pytest.approx(1 / 2, abs=0.05)


@pytest.mark.parametrize("score", [beta, factor])
def test_codes_that_mix_two_factors_alike_are_at_chance(score):
    assert score(rotated(SQUARE), SQUARE, points=2000) == pytest.approx(1 / 2, abs=0.05)


@pytest.mark.parametrize("score", [beta, factor])
def test_a_block_turned_within_itself_scores_as_before(score):
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    blocks = np.random.default_rng(0).normal(size=(64, 3, 2)) + 2 * TABLE[:, :, None]
    assert 0.5 < score(blocks, points=100) == score(blocks @ turn, points=100)
    perfect = np.stack([TABLE, np.zeros_like(TABLE)], axis=-1) @ turn
    assert score(perfect, points=100) == 1


def test_variances_are_relative_so_scales_do_not_matter():
    codes = np.random.default_rng(0).normal(size=(64, 3)) + TABLE
    scaled = codes[:, [1, 2, 0]] * [1024, 2**-9, 1]
    assert 0.5 < factor(codes) < 1
    assert factor(scaled) == factor(codes)


def test_votes_by_hand():
    narrow, wide = [[0.0, 0.0], [0.1, 9.0]], [[0.0, 0.0], [9.0, 0.1]]
    train = FixedFactorGroups([narrow, narrow, narrow, wide, wide], [0, 0, 1, 1, 2])
    # Dimension 0 is factor 0 by two votes to one; dimension 1 is factor 1, the first of a tie.
    test = FixedFactorGroups([narrow, wide, wide, wide], [0, 1, 2, 0])
    assert factor_vae_score(train, test, [[0.0, 0.0], [1.0, 1.0]]) == 0.5
    # Deviations of two items, 1 apart: the square root of 1 / 2.
    codes = [[0.0, 0.0], [1.0, 1.0]]
    assert factor_vae_score(train, test, codes, least_deviation=0.7) == 0.5
    assert factor_vae_score(train, test, codes, least_deviation=0.71) == 0
    # Relative to a variance of 100^2 the second dimension varies least everywhere.
    assert factor_vae_score(train, test, [[0.0, 0.0], [0.01, 100.0]]) == 0.5
    assert factor_vae_score(train, train, [[0.0, 0.0], [0.01, 100.0]]) == 0.4


def test_constant_and_narrow_dimensions_have_no_vote():
    codes = np.concatenate([np.full((64, 1), 0.1), TABLE], axis=1)
    assert factor(codes) == 1
    assert factor(np.full((64, 2), 0.1)) == 0
    narrow = np.concatenate([TABLE, 0.01 * TABLE], axis=1)
    assert factor(narrow, least_deviation=0.05) == 1
    assert factor(TABLE * [1, 1, 0.01], least_deviation=0.05) < 0.8
    assert factor(TABLE, least_deviation=2.0) == 0


def test_the_features_are_mean_absolute_differences():
    # The sum of differences is the same for both factors; their sizes differ.
    train = FixedFactorPairs(
        [[[0.0], [0.0]], [[0.0], [0.0]]] * 20, [[[3.0], [-3.0]], [[0.1], [-0.1]]] * 20, [0, 1] * 20
    )
    assert beta_vae_score(train, train) == 1


def test_pairs_share_the_fixed_factor_and_nothing_else():
    pairs = draw_pairs(TABLE, TABLE, 300, 8, seed=0)
    same = np.asarray(pairs.first) == pairs.second
    fixed = pairs.fixed[:, None, None] == np.arange(3)
    assert np.broadcast_to(fixed, same.shape)[same].mean() < 1
    assert same[np.broadcast_to(fixed, same.shape)].all()
    assert same[~np.broadcast_to(fixed, same.shape)].mean() == pytest.approx(1 / 4, abs=0.03)
    assert np.bincount(pairs.fixed) == pytest.approx(np.full(3, 100), abs=30)
    for half in (pairs.first, pairs.second):
        counts = np.bincount(np.asarray(half, int).reshape(-1, 3) @ [16, 4, 1], minlength=64)
        assert counts.min() > 10 and counts.max() < 70  # 37.5 of each combination


def test_the_items_of_a_group_share_the_fixed_factor_and_nothing_else():
    groups = draw_groups(TABLE, TABLE, 300, 8, seed=0)
    codes = np.asarray(groups.codes)
    same = (codes == codes[:, :1]).all(axis=1)
    fixed = groups.fixed[:, None] == np.arange(3)
    assert same[fixed].all() and not same[~fixed].any()
    values = np.bincount(codes[fixed.nonzero()[0], 0, fixed.nonzero()[1]].astype(int))
    assert values == pytest.approx(np.full(4, 75), abs=30)


def test_partners_in_an_unbalanced_table_are_uniform_among_items_of_the_value():
    factors = np.array([[5], [5], [5], [9]])
    pairs = draw_pairs(np.arange(4)[:, None], factors, 1, 4000, seed=0)
    first, second = np.asarray(pairs.first, int).ravel(), np.asarray(pairs.second, int).ravel()
    assert (second[first == 3] == 3).all()
    shares = np.bincount(second[first < 3], minlength=4) / np.sum(first < 3)
    assert shares == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0], abs=0.03)


def test_a_seed_decides_the_draws_and_blocks_stay_blocks():
    blocks = np.random.default_rng(0).normal(size=(64, 3, 2))
    one, again = (draw_pairs(blocks, TABLE, 5, 2, seed=7) for _ in range(2))
    other = draw_pairs(blocks, TABLE, 5, 2, seed=8)
    assert np.shape(one.first) == (5, 2, 3, 2)
    assert np.array_equal(one.first, again.first) and not np.array_equal(one.first, other.first)
    assert np.shape(draw_groups(blocks, TABLE, 5, 2, seed=7).codes) == (5, 2, 3, 2)


PAIRS = draw_pairs(TABLE, TABLE, 9, 2, seed=0)
GROUPS = draw_groups(TABLE, TABLE, 9, 2, seed=0)
SHORT = FixedFactorGroups(np.asarray(GROUPS.codes)[:, :1], GROUPS.fixed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_pairs(TABLE, TABLE, 0, 2, seed=0), "points 0, size 2; accepted: 1 and 1"),
        (lambda: draw_groups(TABLE, TABLE, 1, 1, seed=0), "points 1, size 1; accepted: 1 and 2"),
        (lambda: draw_pairs(TABLE[0], TABLE, 1, 1, seed=0), r"codes: shape \(3,\)"),
        (lambda: draw_pairs(TABLE, TABLE[:5], 1, 1, seed=0), "factors: 5 items; accepted: 64"),
        (lambda: beta_vae_score(PAIRS._replace(fixed=[0.5] * 9), PAIRS), "train: fixed factors"),
        (lambda: beta_vae_score(PAIRS._replace(fixed=[1] * 9), PAIRS), "train: one fixed factor"),
        (lambda: beta_vae_score(PAIRS, PAIRS._replace(fixed=[-1] * 9)), "test: fixed factor -1"),
        (lambda: beta_vae_score(PAIRS, PAIRS._replace(second=TABLE)), r"test: shape \(64, 3\)"),
        (
            lambda: beta_vae_score(PAIRS, PAIRS._replace(second=PAIRS.first[:, :1])),
            "test: shapes .*; accepted: the same for both items",
        ),
        (
            lambda: beta_vae_score(PAIRS, draw_pairs(TABLE[:, :2], TABLE, 4, 2, seed=0)),
            "test: 2 codes; accepted: 3 as in train",
        ),
        (lambda: factor_vae_score(SHORT, GROUPS, TABLE), "train: shape .*, B >= 2"),
        (lambda: factor_vae_score(GROUPS, GROUPS, TABLE[:, :2]), "train: .* items as in codes"),
        (lambda: factor_vae_score(GROUPS, GROUPS, TABLE[:1]), "codes: 1 item; accepted: 2"),
        (lambda: factor_vae_score(GROUPS, GROUPS, TABLE * np.nan), "codes: NaN"),
    ],
)
def test_bad_points_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
