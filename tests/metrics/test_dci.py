"""DCI of importances worked out by hand, and of codes whose importances are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import RandomForestClassifier

from cal_jax.errors import InputError
from cal_jax.metrics import completeness, dci_scores, disentanglement
from tests.metrics.factor_tables import full_table, rotated

TABLE = np.repeat(full_table(3, 4), 4, axis=0)
FOREST = RandomForestClassifier(10, max_features=None, random_state=0)


def scores(codes, factors=TABLE):
    return dci_scores(codes, factors, codes, factors, classifier=FOREST)


def test_one_code_a_factor_scores_1_equal_importances_0():
    for score in (disentanglement, completeness):
        assert score(np.eye(3)[[2, 0, 1]]) == pytest.approx(1, abs=1e-8)
        assert score(np.ones((4, 3))) == pytest.approx(0, abs=1e-8)
        assert score(np.zeros((4, 3))) == 0


def test_entropies_weighed_by_importance():
    importance = [[1.0, 0.0], [0.5, 0.5]]
    # Rows of weights 1/2 have 1 and 0; columns of 3/4 and 1/4 have 1 - H(1/3) bits and 1.
    assert disentanglement(importance) == pytest.approx(0.5, abs=1e-8)
    bits = -(np.log2(1 / 3) / 3 + 2 * np.log2(2 / 3) / 3)
    assert completeness(importance) == pytest.approx(0.75 * (1 - bits) + 0.25, abs=1e-8)


def test_two_codes_of_one_factor_are_disentangled_and_incomplete():
    importance = [[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]
    assert disentanglement(importance) == pytest.approx(1, abs=1e-8)
    assert completeness(importance) == pytest.approx(1 - np.log(2) / np.log(3) / 2, abs=1e-8)


@settings(max_examples=30, deadline=None)
@given(arrays(float, (3, 4), elements=st.integers(0, 8)), st.permutations(range(3)))
def test_the_order_of_codes_does_not_matter_and_scores_are_fractions(importance, order):
    for score in (disentanglement, completeness):
        assert score(importance[order]) == pytest.approx(score(importance), abs=1e-9)
        assert score(importance.T) == pytest.approx(
            {disentanglement: completeness, completeness: disentanglement}[score](importance)
        )
        assert -1e-9 <= score(importance) <= 1 + 1e-9


def test_perfect_codes_in_any_order_and_at_any_scale():
    codes = TABLE[:, ::-1] * [1e-3, 50] - 2
    found = scores(codes)
    np.testing.assert_allclose(found.importance, [[0, 1], [1, 0]], atol=1e-12)
    assert found[:3] == pytest.approx((1, 1, 1), abs=1e-8)


def test_boosted_trees_unless_told():
    factors = (TABLE[::4, [1, 1]] > 1).astype(int)
    found = dci_scores(TABLE[::4], factors, TABLE[::4], factors)
    np.testing.assert_allclose(found.importance, [[0, 0], [1, 1]], atol=1e-6)
    assert found.completeness == pytest.approx(1, abs=1e-6)
    assert found.disentanglement == pytest.approx(0, abs=1e-6)


def test_informativeness_is_the_accuracy_on_test_items():
    wrong = TABLE.copy()
    wrong[::4, 0] = (wrong[::4, 0] + 1) % 3
    found = dci_scores(TABLE, TABLE, TABLE, wrong, classifier=FOREST)
    assert found.informativeness == pytest.approx((0.75 + 1) / 2)


def test_rotated_codes_are_informative_and_mixed():
    found = scores(rotated(TABLE))
    assert found.informativeness == 1
    assert found.disentanglement < 0.3


def test_the_importance_of_a_block_is_that_of_its_dimensions():
    rng = np.random.default_rng(0)
    codes = np.stack([TABLE[:, 0], rng.normal(size=len(TABLE)), *rotated(TABLE).T], axis=1)
    by_dimension, by_block = scores(codes), scores(codes.reshape(-1, 2, 2))
    want = by_dimension.importance[:2].sum(axis=0), by_dimension.importance[2:].sum(axis=0)
    np.testing.assert_allclose(by_block.importance, want)
    assert by_block.disentanglement == pytest.approx(disentanglement(np.array(want)))


def test_a_block_turned_within_itself_stays_disentangled():
    factors = np.stack([TABLE[:, 0], TABLE[:, 1] > 1], axis=1).astype(int)
    turned = np.array([[0.6, 0.8], [-0.8, 0.6]])
    codes = np.einsum("ikc,cd->ikd", np.stack([factors, np.zeros_like(factors)], -1), turned)
    found = scores(codes, factors)
    np.testing.assert_allclose(found.importance, np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (np.ones(3), r"importance: shape \(3,\); accepted: \[D, F\]"),
        (np.ones((1, 3)), "two codes and two factors or more"),
        (-np.eye(2), "importance: a negative number"),
        (np.full((2, 2), np.inf), "importance: NaN or infinity"),
    ],
)
def test_bad_importances_are_named(importance, message):
    for score in (disentanglement, completeness):
        with pytest.raises(InputError, match=message):
            score(importance)
