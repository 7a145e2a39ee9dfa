"""Scores of codes against factors by ``cal_jax.metrics``.

Shape letters: I items, D dimensions, K blocks of C dimensions, F factors.
"""

from typing import NamedTuple

import numpy as np

from cal_jax import metrics
from cal_jax.metrics.scores import FRACTION, RATIO, Score
from experiments.bench.config import BenchConfig
from experiments.bench.data import DATA

POINTS, PAIRS, GROUP = 500, 16, 32
"""Points of the beta-VAE's and the FactorVAE's scores, pairs and items of a point."""


class Coded(NamedTuple):
    """Items as a method encodes them."""

    codes: np.ndarray
    """[I, D], or [I, K, C] of a method with a block for each factor."""
    factors: np.ndarray
    """int [I, F]"""


class Found(NamedTuple):
    """What the codes of a method are worth."""

    scores: dict[str, Score]
    """By measure."""
    importance: np.ndarray
    """[D, F] or [K, F]: of a code, or a block, for each factor, from DCI's trees."""


def scores_of(config: BenchConfig, fitted: Coded, scored: Coded, seed: int) -> Found:
    """Every score of one method.

    Where a method has blocks, DCI, SAP and the scores of the beta-VAE and the FactorVAE are of
    blocks, the others of dimensions; ``dci_d_dimensions`` is DCI's disentanglement of dimensions.

    Args:
      config: of the bench.
      fitted: items that predictors are fitted on.
      scored: other items.
      seed: of the draws of pairs and groups.
    """
    trees = _boosted_trees(config.boosting_rounds)
    flat = Coded(_flat(fitted.codes), fitted.factors), Coded(_flat(scored.codes), scored.factors)
    by_dimension = metrics.dci_scores(*flat[0], *flat[1], classifier=trees)
    importance = by_dimension.importance
    if fitted.codes.ndim == 3:
        importance = importance.reshape(*fitted.codes.shape[1:], -1).sum(axis=1)
    x, labels = flat[1]
    seeds = (2 * seed, 2 * seed + 1)
    pairs = [metrics.draw_pairs(scored.codes, labels, POINTS, PAIRS, seed=one) for one in seeds]
    groups = [metrics.draw_groups(scored.codes, labels, POINTS, GROUP, seed=one) for one in seeds]
    information = metrics.infomec_scores(x, labels)
    ordered = [DATA[config.data].factors.index(name) for name in DATA[config.data].ordered]
    fractions = {
        "dci_d": metrics.disentanglement(importance),
        "dci_d_dimensions": by_dimension.disentanglement,
        "dci_c": metrics.completeness(importance),
        "dci_i": by_dimension.informativeness,
        "sap": metrics.sap_score(*fitted, *scored),
        "beta_vae_score": metrics.beta_vae_score(pairs[0], pairs[1]),
        "factor_vae_score": metrics.factor_vae_score(groups[0], groups[1], scored.codes),
    }
    ratios = {
        "mig": metrics.mutual_information_gap(x, labels),
        "modularity": metrics.modularity_score(x, labels),
        "infom": information.modularity,
        "infoc": information.compactness,
        "infoe": information.explicitness,
        "mcc": metrics.mean_correlation_coefficient(x, labels[:, ordered]).score,
    }
    scores = {name: Score(value, None, RATIO) for name, value in (fractions | ratios).items()}
    scores["dci_i"] = scores["dci_i"]._replace(unit=FRACTION)
    return Found(scores, importance)


def _boosted_trees(rounds: int) -> object:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=rounds, random_state=0)


def _flat(codes: np.ndarray) -> np.ndarray:
    return codes.reshape(len(codes), -1)
