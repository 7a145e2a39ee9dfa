"""The mean correlation coefficient and its matching, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cal_jax.errors import InputError
from cal_jax.metrics import mean_correlation_coefficient
from cal_jax.metrics.matching import best_matching
from tests.metrics.factor_tables import full_table, rotated

TABLE = full_table(3, 4, 2)


def test_the_matching_has_the_greatest_sum_not_the_greatest_entry():
    scores = np.array([[0.9, 0.8], [0.8, 0.1], [0.2, 0.3]])
    assert best_matching(scores).tolist() == [1, 0]
    with pytest.raises(InputError, match="codes: 2 dimensions for 3 factors; accepted: 3 or more"):
        best_matching(scores.T)


def test_perfect_codes_score_1_in_any_order_and_of_any_sign():
    codes = np.concatenate([TABLE[:, [2, 0, 1]] * [-1, 5, 0.1] + 3, np.ones((24, 1))], axis=1)
    for method in ("pearson", "spearman"):
        found = mean_correlation_coefficient(codes, TABLE, method=method)
        assert found.score == pytest.approx(1)
        assert found.dimensions.tolist() == [1, 2, 0]
        np.testing.assert_allclose(found.correlations, 1)


def test_rotated_independent_and_constant_codes():
    square = full_table(3, 3)
    assert mean_correlation_coefficient(rotated(square), square).score == pytest.approx(0.5**0.5)
    independent = mean_correlation_coefficient(TABLE[:, :1], TABLE[:, 1:2])
    assert independent.score == pytest.approx(0, abs=1e-12)
    constant = mean_correlation_coefficient(np.full((24, 3), 0.1), TABLE)
    assert constant.score == 0


def test_ranks_see_a_monotonic_code_as_perfect():
    codes = np.exp(3.0 * TABLE)
    assert mean_correlation_coefficient(codes, TABLE).score < 0.95
    assert mean_correlation_coefficient(codes, TABLE, method="spearman").score == pytest.approx(1)


def test_a_dimension_serves_one_factor():
    both = TABLE[:, :1] + TABLE[:, 1:2]
    codes = np.concatenate([both, TABLE[:, 2:]], axis=1)
    found = mean_correlation_coefficient(codes, TABLE[:, :2])
    better = np.std(TABLE[:, 1]) / np.std(both)
    assert found.dimensions.tolist() == [1, 0]
    np.testing.assert_allclose(found.correlations, [0, better], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)), st.integers(-30, 30), st.integers(0, 99))
def test_the_order_and_the_scale_of_dimensions_do_not_matter(order, power, seed):
    rng = np.random.default_rng(seed)
    codes, factors = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    changed = codes[:, order] * np.array([-(2.0**power), 1, -1, 3])
    for method in ("pearson", "spearman"):
        found = mean_correlation_coefficient(changed, factors, method=method)
        want = mean_correlation_coefficient(codes, factors, method=method)
        assert found.score == pytest.approx(want.score)
        assert np.array(order)[found.dimensions].tolist() == want.dimensions.tolist()
        assert 0 <= found.score <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factors": TABLE[:-1]}, "factors: 23 items; accepted: 24"),
        ({"factors": TABLE * [1, 0, 1]}, "factors: a factor has one value"),
        ({"factors": TABLE * np.nan}, "factors: NaN"),
        ({"factors": TABLE[:, 0]}, r"factors: shape \(24,\)"),
        ({"codes": TABLE[:, :2]}, "codes: 2 dimensions for 3 factors"),
        ({"codes": TABLE[:, :, None]}, r"codes: shape \(24, 3, 1\)"),
        ({"method": "kendall"}, "method 'kendall'; accepted: pearson, spearman"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(InputError, match=message):
        mean_correlation_coefficient(**({"codes": TABLE, "factors": TABLE} | change))
