"""SAP against values worked out by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics import sap_score, sap_score_continuous
from tests.metrics.factor_tables import full_table, rotated

TABLE = np.repeat(full_table(2, 2), 25, axis=0)
SIGNS = 2.0 * TABLE - 1


def score(codes, factors=TABLE):
    return sap_score(codes, factors, codes, factors)


def test_a_perfect_dimension_is_right_by_half_more_than_chance():
    assert score(SIGNS) == pytest.approx(0.5)
    assert score(SIGNS[:, ::-1]) == pytest.approx(0.5)


def test_independent_repeated_and_rotated_codes_have_no_gap():
    table = np.repeat(full_table(2, 2, 2), 12, axis=0)
    assert score(2.0 * table[:, 1:] - 1, table[:, :1]) == pytest.approx(0)
    assert score(SIGNS[:, [0, 1, 0, 1]]) == pytest.approx(0)
    assert score(rotated(TABLE)) == pytest.approx(0)


def test_accuracy_is_on_test_items():
    wrong = TABLE.copy()
    wrong[::5, 0] = 1 - wrong[::5, 0]
    # The first factor is right in 4/5 of the items, the other dimension still in half.
    assert sap_score(SIGNS, TABLE, SIGNS, wrong) == pytest.approx((0.3 + 0.5) / 2)


def test_a_machine_reads_a_block():
    third = np.random.default_rng(0).normal(size=(len(TABLE), 1, 2))
    blocks = np.concatenate([4 * rotated(TABLE)[:, None], np.zeros_like(third)], axis=1)
    assert score(blocks) == pytest.approx(0.5)  # both factors in the first block


def test_of_numerical_factors_the_gap_of_squared_correlations():
    assert sap_score_continuous(SIGNS, TABLE) == pytest.approx(1)
    assert sap_score_continuous(-7 * SIGNS[:, ::-1] + 3, TABLE) == pytest.approx(1)
    assert sap_score_continuous(rotated(TABLE), TABLE) == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    squares = np.sort(np.corrcoef(codes.T, factors.T)[3, :3] ** 2)
    assert sap_score_continuous(codes, factors) == pytest.approx(squares[2] - squares[1])
    scaled = codes[:, [1, 2, 0]] * [1e-9, 1, 1e9]
    assert sap_score_continuous(scaled, factors) == pytest.approx(squares[2] - squares[1])


def test_of_blocks_the_variance_that_least_squares_explain():
    zero = np.full((len(TABLE), 2), 0.1)
    blocks = np.stack([rotated(TABLE), zero], axis=1)
    assert sap_score_continuous(blocks, TABLE) == pytest.approx(1)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (TABLE[:-1], r"factors: shape \(99, 2\); accepted: \[I, F\] with 100 items"),
        (TABLE[:, 0], r"factors: shape \(100,\)"),
        (np.full((100, 1), np.nan), "factors: NaN"),
        (np.ones((100, 1)), "factors: a factor has one value"),
    ],
)
def test_bad_numerical_factors_are_named(factors, message):
    with pytest.raises(InputError, match=message):
        sap_score_continuous(SIGNS, factors)


def test_one_code_has_no_second():
    with pytest.raises(InputError, match="codes: 1 dimensions; accepted: 2 or more"):
        score(SIGNS[:, :1])
    with pytest.raises(InputError, match="codes: 1 blocks; accepted: 2 or more"):
        sap_score_continuous(SIGNS[:, None], TABLE)
