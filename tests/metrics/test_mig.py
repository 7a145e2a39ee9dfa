"""The mutual information gap against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cal_jax.metrics import mutual_information_gap
from cal_jax.metrics.mutual_information import histogram_bins
from tests.metrics.factor_tables import full_table, rotated

TABLE = full_table(3, 4, 2)


def test_perfect_codes_in_any_order_score_1():
    assert mutual_information_gap(TABLE, TABLE) == pytest.approx(1)
    assert mutual_information_gap(-3.0 * TABLE[:, [2, 0, 1]] + 7, TABLE) == pytest.approx(1)


def test_independent_codes_score_0():
    assert mutual_information_gap(TABLE[:, :2], TABLE[:, 2:]) == pytest.approx(0, abs=1e-12)


def test_rotated_and_repeated_codes_have_no_gap():
    binary = full_table(2, 2)
    assert mutual_information_gap(rotated(binary), binary) == pytest.approx(0, abs=1e-12)
    twice = np.concatenate([TABLE, TABLE], axis=1)
    assert mutual_information_gap(twice, TABLE) == pytest.approx(0, abs=1e-12)


def test_the_gap_is_relative_to_the_factor_s_entropy_and_averaged_over_factors():
    both, second = 2 * TABLE[:, 0] + 6 * TABLE[:, 1], TABLE[:, 1]
    # Of three values the first alone knows all, of four both do: gaps 1 and 0.
    codes = np.stack([both, second], axis=1)
    assert mutual_information_gap(codes, TABLE[:, :2]) == pytest.approx(0.5)
    # One of three values told from the others: H(1/3) of log 3.
    told = np.stack([TABLE[:, 0] == 0, TABLE[:, 2]], axis=1)
    share = (np.log(3) - 2 / 3 * np.log(2)) / np.log(3)
    assert mutual_information_gap(told, TABLE[:, :1]) == pytest.approx(share)


def test_bins_divide_the_range_of_a_dimension():
    codes = np.stack([TABLE[:, 1], np.zeros(len(TABLE))], axis=1)
    # Two bins join the four values in pairs.
    assert mutual_information_gap(codes, TABLE[:, 1:2], bins=2) == pytest.approx(0.5)


def test_a_number_on_an_edge_is_in_the_upper_bin_and_the_greatest_in_the_last():
    assert histogram_bins(np.arange(5.0)[:, None], 2).T.tolist() == [[0, 0, 1, 1, 1]]
    assert histogram_bins(np.full((3, 1), 0.1), 2).T.tolist() == [[1, 1, 1]]


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(4)), st.integers(-20, 20), st.integers(0, 99))
def test_the_order_and_the_scale_of_dimensions_do_not_matter(order, power, seed):
    rng = np.random.default_rng(seed)
    codes, factors = rng.normal(size=(40, 4)), rng.integers(3, size=(40, 2))
    changed = codes[:, order] * np.array([2.0**power, 1, 1, 4])
    found, want = mutual_information_gap(changed, factors), mutual_information_gap(codes, factors)
    assert found == pytest.approx(want, abs=1e-12)
    assert 0 <= found <= 1
