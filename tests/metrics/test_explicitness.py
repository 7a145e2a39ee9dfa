"""Explicitness of codes that a linear classifier reads, and of codes that it cannot."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.metrics import explicitness_score
from tests.metrics.factor_tables import full_table, rotated

TABLE = np.repeat(full_table(3, 4), 5, axis=0)


def score(codes, factors=TABLE):
    return explicitness_score(codes, factors, codes, factors)


def test_perfect_codes_score_1_rotated_and_permuted_too():
    assert score(TABLE) == pytest.approx(1)
    assert score(TABLE[:, ::-1]) == pytest.approx(1)
    assert score(rotated(TABLE)) == pytest.approx(1)


def test_constant_and_independent_codes_are_at_chance():
    assert score(np.full((len(TABLE), 2), 0.1)) == pytest.approx(0.5)
    assert score(TABLE[:, :1], TABLE[:, 1:]) == pytest.approx(0.5, abs=1e-6)


def test_a_dimension_that_was_constant_in_training_does_not_matter():
    constant = np.full((len(TABLE), 1), 0.1)
    assert constant.std() > 0  # by rounding
    codes, test = np.hstack([TABLE, constant]), np.hstack([TABLE, TABLE[:, :1]])
    assert explicitness_score(codes, TABLE, test, TABLE) == pytest.approx(1)


def test_the_mean_over_values_of_areas_under_curves():
    # Of three values the code tells 0 from the others, which look alike: 1, 3/4 and 3/4.
    codes = (TABLE[:, :1] == 0).astype(float)
    assert score(codes, TABLE[:, :1]) == pytest.approx((1 + 0.75 + 0.75) / 3)


def test_an_exclusive_or_is_there_and_not_explicit():
    table = full_table(2, 2, 3)
    exclusive = np.bitwise_xor(table[:, :1], table[:, 1:2])
    assert score(table[:, :2], exclusive) == pytest.approx(0.5)
    assert score(exclusive, exclusive) == pytest.approx(1)


def test_scale_and_offset_do_not_matter_and_test_codes_are_scaled_as_the_others():
    rng = np.random.default_rng(0)
    codes = TABLE + rng.normal(size=TABLE.shape)
    test = TABLE + rng.normal(size=TABLE.shape)
    want = explicitness_score(codes, TABLE, test, TABLE)
    scale, offset = np.array([64.0, 0.125]), np.array([3.0, -1.0])
    found = explicitness_score(codes * scale + offset, TABLE, test * scale + offset, TABLE)
    assert 0.7 < want < 0.99
    assert found == pytest.approx(want, abs=1e-6)


def test_the_dimensions_of_blocks_are_read_side_by_side():
    rng = np.random.default_rng(0)
    codes = np.repeat(TABLE, 2, axis=1) + rng.normal(size=(len(TABLE), 4))
    assert score(codes.reshape(-1, 2, 2)) == score(codes)


def test_test_items_have_the_values_of_the_others():
    with pytest.raises(InputError, match="test_factors: values of factor 1 differ"):
        explicitness_score(TABLE, TABLE, TABLE, np.minimum(TABLE, [2, 2]))
