"""What every metric of codes and factors refuses, and what importing them loads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cal_jax import metrics
from cal_jax.errors import InputError
from cal_jax.metrics.scikit_learn import fitted
from tests.metrics.factor_tables import full_table

TABLE = full_table(3, 3)
BOTH = {"codes": TABLE, "factors": TABLE}
SPLIT = BOTH | {"test_codes": TABLE, "test_factors": TABLE}
GIVEN = {
    metrics.mutual_information_gap: BOTH,
    metrics.modularity_score: BOTH,
    metrics.infomec_scores: BOTH | {"discrete": True},
    metrics.explicitness_score: SPLIT,
    metrics.dci_scores: SPLIT,
    metrics.sap_score: SPLIT,
}
OF_DIMENSIONS = (
    metrics.mutual_information_gap,
    metrics.modularity_score,
    metrics.infomec_scores,
)
OF_A_SPLIT = (metrics.explicitness_score, metrics.dci_scores, metrics.sap_score)


def refused(score, change, message):
    with pytest.raises(InputError, match=message):
        score(**(GIVEN[score] | change))


@pytest.mark.parametrize("score", GIVEN)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": TABLE[:, 0]}, r"codes: shape \(9,\); accepted: \[I, D\]"),
        ({"codes": TABLE[:0]}, r"codes: shape \(0, 2\)"),
        ({"codes": TABLE * np.nan}, "codes: NaN or infinity; accepted: finite numbers"),
        ({"codes": np.where(TABLE > 1, np.inf, 0)}, "codes: NaN or infinity"),
        ({"factors": TABLE[:5]}, "factors: 5 items; accepted: 9, one row a code"),
        ({"factors": TABLE[:, 0]}, r"factors: int64 \(9,\); accepted: int \[I, F\]"),
        ({"factors": TABLE / 2}, r"factors: float64 \(9, 2\); accepted: int \[I, F\]"),
        ({"factors": TABLE * [1, 0] + 5}, "factors: factor 1 has one value; accepted: two values"),
    ],
)
def test_codes_and_factors(score, change, message):
    refused(score, change, message)


@pytest.mark.parametrize("score", OF_DIMENSIONS)
def test_scores_of_single_dimensions_refuse_blocks(score):
    refused(score, {"codes": TABLE[:, :, None]}, r"codes: shape \(9, 2, 1\); accepted: \[I, D\]")


@pytest.mark.parametrize("score", [metrics.modularity_score, metrics.infomec_scores])
def test_one_factor_has_no_other(score):
    refused(score, {"factors": TABLE[:, :1]}, "factors: 1 factors; accepted: 2 or more")


def test_one_dimension_has_no_second_and_one_bin_no_edges():
    gap = metrics.mutual_information_gap
    refused(gap, {"codes": TABLE[:, :1]}, "codes: 1 dimensions; accepted: 2 or more")
    refused(gap, {"bins": 1}, "bins 1; accepted: 2 or more")


@pytest.mark.parametrize("score", OF_A_SPLIT)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_codes": TABLE[:, :1]}, r"test_codes: shape \(9, 1\); accepted: that of codes"),
        ({"test_codes": TABLE * np.nan}, "test_codes: NaN"),
        ({"test_factors": TABLE[:, :1]}, "test_factors: 1 factors; accepted: 2 as in factors"),
        ({"test_factors": TABLE[:4]}, "test_factors: 4 items; accepted: 9"),
        ({"test_factors": TABLE / 2}, "test_factors: float64"),
    ],
)
def test_test_items(score, change, message):
    refused(score, change, message)


def test_a_metric_without_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(InputError, match=r"scikit-learn; accepted: pip install 'cal-jax\[exp"):
        metrics.mutual_information_gap(TABLE, TABLE)


def test_a_classifier_stops_at_its_budget_of_iterations_without_a_warning():
    codes, labels = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
    model = fitted(LogisticRegression(max_iter=1), codes, labels)
    assert model.n_iter_.tolist() == [1]


def test_importing_the_metrics_loads_arrays_only():
    program = """
import sys
from cal_jax import metrics
functions = [getattr(metrics, name) for name in metrics.__all__]
assert len(functions) > 15, functions
table = [[0, 0], [0, 1], [1, 0], [1, 1]]
print(*{"jax", "flax", "torch", "sklearn", "scipy"} & set(sys.modules))
assert abs(metrics.mutual_information_gap(table, table) - 1) < 1e-9
print(*{"jax", "flax", "torch"} & set(sys.modules))
"""
    root = Path(metrics.__file__).parent.parent.parent
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert output.stdout.split() == []
