"""InfoM, InfoC and InfoE against values worked out by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics import infomec_scores
from tests.metrics.factor_tables import full_table, rotated

TABLE = np.repeat(full_table(2, 2, 2), 4, axis=0)


def test_perfect_codes_score_1_whatever_their_order_and_names():
    for codes in (TABLE, TABLE[:, [2, 0, 1]] * [3, -2, 0.5]):
        found = infomec_scores(codes, TABLE, discrete=True)
        assert found[:3] == pytest.approx((1, 1, 1), abs=1e-3)
    np.testing.assert_allclose(found.information, np.eye(3)[[2, 0, 1]], atol=1e-12)
    assert found.active.all()


def test_independent_codes_score_0():
    factors = full_table(2, 2, 3, 3)
    found = infomec_scores(factors[:, 2:], factors[:, :2], discrete=True)
    assert found[:3] == pytest.approx((0, 0, 0), abs=1e-9)


def test_rotated_codes_share_their_information_and_stay_explicit():
    pair = TABLE[:, :2]
    found = infomec_scores(np.round(rotated(pair), 6), pair, discrete=True)
    np.testing.assert_allclose(found.information, np.full((2, 2), 0.5))
    assert found[:2] == pytest.approx((0, 0), abs=1e-9)
    assert found.explicitness == pytest.approx(1, abs=1e-3)


def test_shares_of_information_by_hand():
    codes = np.stack([TABLE[:, 0] + 2 * TABLE[:, 1], TABLE[:, 1]], axis=1)
    found = infomec_scores(codes, TABLE[:, :2], discrete=True)
    np.testing.assert_allclose(found.information, [[1, 1], [0, 1]], atol=1e-12)
    # Largest shares 1/2 and 1 of dimensions, 1 and 1/2 of factors; 1/2 counts 0.
    assert found[:2] == pytest.approx((0.5, 0.5))


def test_explicitness_is_relative_to_a_uniform_guess():
    table = full_table(3, 2, 2)
    codes = np.stack([table[:, 0] == 0, table[:, 1]], axis=1).astype(int)
    found = infomec_scores(codes, table[:, [0, 2]], discrete=True)
    # One of three values is told for certain, the others by a coin: 2/3 log 2 of log 3; then 0.
    assert found.explicitness == pytest.approx((1 - 2 / 3 * np.log(2) / np.log(3)) / 2, abs=1e-3)


def test_constant_categories_are_inactive():
    codes = np.concatenate([np.full((len(TABLE), 1), 0.1), TABLE], axis=1)
    found = infomec_scores(codes, TABLE, discrete=True)
    assert found.active.tolist() == [False, True, True, True]
    assert found[:2] == pytest.approx((1, 1))


def test_continuous_codes_of_a_small_range_are_inactive():
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(300, 2))
    codes = factors + 0.05 * rng.normal(size=(300, 2))
    spill = 0.04 * factors[:, :1]  # it would share the information about the first factor
    found = infomec_scores(np.concatenate([codes, spill], axis=1), factors)
    assert found.active.tolist() == [True, True, False]
    assert found.information[2, 0] > 0.9
    assert min(found[:3]) > 0.9
    wider = infomec_scores(np.concatenate([codes, 2 * spill], axis=1), factors)
    assert wider.active.all() and wider.compactness < 0.8


def test_one_scale_for_all_codes_does_not_matter():
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(120, 2))
    codes = factors + rng.normal(size=(120, 2))
    first, scaled = infomec_scores(codes, factors), infomec_scores(1024 * codes, factors)
    assert scaled[:3] == pytest.approx(first[:3], abs=1e-6)
    assert 0.05 < first.explicitness < 0.9


@pytest.mark.parametrize(
    ("codes", "discrete", "message"),
    [
        (np.ones((32, 3)), True, "codes: 0 active dimensions; accepted: 2 or more"),
        (TABLE * [1, 0.01, 0.01], False, "codes: 1 active dimensions"),
        (TABLE[:, :, None], True, r"codes: shape \(32, 3, 1\); accepted: \[I, D\]"),
    ],
)
def test_codes_without_two_active_dimensions_are_refused(codes, discrete, message):
    with pytest.raises(InputError, match=message):
        infomec_scores(codes, TABLE, discrete=discrete)


def test_ten_neighbours_need_eleven_items():
    with pytest.raises(InputError, match="codes: 10 items; accepted: 11 or more"):
        infomec_scores(TABLE[::3][:10] + np.eye(10, 3), TABLE[::3][:10])
