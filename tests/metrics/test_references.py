"""Each metric equals another implementation of it.

``reference_values.json`` says which functions of which commits, run with which versions and
changes; ``obtain_references.py`` prints it. With scikit-learn 1.4, for which no change of
infomec.py's classifier is needed, all values agree to 1e-8 but those of boosted trees, which
differ by 0.006 between versions.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from cal_jax import metrics
from tests.metrics import reference_cases as cases

VALUES = json.loads(Path(__file__).with_name("reference_values.json").read_text())["values"]


def equal(found, key):
    want = VALUES
    for part in key.split("."):
        want = want[part]
    return np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def noisy():
    return *cases.noisy_codes(0, 240), *cases.noisy_codes(1, 160)


def test_scores_of_information(noisy):
    equal(metrics.mutual_information_gap(*noisy[:2]), "mig")
    equal(metrics.modularity_score(*noisy[:2]), "modularity")


def test_scores_of_classifiers(noisy):
    equal(metrics.explicitness_score(*noisy), "explicitness")
    equal(metrics.sap_score(*noisy), "sap")
    equal(metrics.sap_score_continuous(*noisy[:2]), "sap_continuous")


def test_dci(noisy):
    scores = metrics.dci_scores(*noisy)
    equal(scores.disentanglement, "dci.disentanglement")
    equal(scores.completeness, "dci.completeness")
    equal(scores.informativeness, "dci.informativeness_test")
    importance = np.random.default_rng(6).exponential(size=(5, 3))
    both = metrics.disentanglement(importance), metrics.completeness(importance)
    equal(both, "dci_of_importance")


@pytest.mark.parametrize("kind", ["continuous", "discrete"])
def test_infomec(kind):
    discrete = kind == "discrete"
    make = cases.quantised_codes if discrete else cases.noisy_codes
    scores = metrics.infomec_scores(*make(0, 300), discrete=discrete)
    equal(scores.modularity, f"infomec.{kind}.infom")
    equal(scores.compactness, f"infomec.{kind}.infoc")
    equal(scores.explicitness, f"infomec.{kind}.infoe")
    equal(scores.information, f"infomec.{kind}.nmi")


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_mcc(method):
    codes, factors = cases.noisy_codes(0, 300)
    found = metrics.mean_correlation_coefficient(codes[:, [3, 2, 0]], factors, method=method)
    equal(found.score, f"mcc.{method}")


def pairs(seed, points):
    fixed, (first, second) = cases.drawn_factors(seed, points, 4)
    shared = cases.sharing(first, second, fixed)
    return metrics.FixedFactorPairs(cases.encoded(first), cases.encoded(shared), fixed)


def groups(seed, points):
    fixed, (factors, _) = cases.drawn_factors(seed, points, 4)
    shared = cases.sharing(factors[:, :1], factors, fixed)
    return metrics.FixedFactorGroups(cases.encoded(shared), fixed)


def test_beta_vae():
    equal(metrics.beta_vae_score(pairs(2, 200), pairs(3, 150)), "beta_vae")


@pytest.mark.parametrize(("least", "key"), [(0.0, "factor_vae"), (0.7, "factor_vae_pruned")])
def test_factor_vae(least, key):
    table = np.stack(np.meshgrid(*map(np.arange, cases.SIZES)), -1).reshape(-1, 3)
    codes = cases.encoded(table)
    equal(
        metrics.factor_vae_score(groups(4, 200), groups(5, 150), codes, least_deviation=least), key
    )
