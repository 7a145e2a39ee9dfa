"""Modularity against values worked out by hand."""

import numpy as np
import pytest

from cal_jax.metrics import modularity_score
from tests.metrics.factor_tables import full_table, rotated

TABLE = full_table(2, 2, 2)


def test_perfect_codes_in_any_order_score_1_and_so_do_repeated_ones():
    assert modularity_score(TABLE, TABLE) == pytest.approx(1)
    assert modularity_score(-2.0 * TABLE[:, [2, 0, 1]], TABLE) == pytest.approx(1)
    assert modularity_score(TABLE[:, [0, 0, 1, 2]], TABLE) == pytest.approx(1)


def test_a_dimension_loses_the_squares_of_what_it_knows_of_other_factors():
    mixed = TABLE[:, 0] + 2 * TABLE[:, 1]  # knows two of three factors: 1 - 1 / 2
    assert modularity_score(mixed[:, None], TABLE) == pytest.approx(0.5)
    assert modularity_score(np.stack([mixed, TABLE[:, 2]], 1), TABLE) == pytest.approx(0.75)
    assert modularity_score(rotated(TABLE[:, :2]), TABLE[:, :2]) == pytest.approx(0, abs=1e-12)
    # One of four values and all of two: information H(1/4) of log 2.
    table = full_table(4, 2)
    codes = 2 * (table[:, 0] == 0) + table[:, 1]
    little = np.log(4) - 3 / 4 * np.log(3)
    want = 1 - (little / np.log(2)) ** 2
    assert modularity_score(codes[:, None], table) == pytest.approx(want)


def test_a_dimension_without_information_counts_0():
    codes = np.stack([TABLE[:, 0], np.full(8, 0.1), TABLE[:, 2]], axis=1)
    assert modularity_score(codes, TABLE[:, :2]) == pytest.approx(1 / 3)


def test_the_order_and_the_scale_of_dimensions_do_not_matter():
    rng = np.random.default_rng(0)
    codes, factors = rng.normal(size=(60, 3)), rng.integers(3, size=(60, 2))
    changed = codes[:, [2, 0, 1]] * [0.25, 8, 1]
    assert modularity_score(changed, factors) == pytest.approx(modularity_score(codes, factors))
