"""The score of the beta-VAE (Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl)."""

import numpy as np

from cal_jax.errors import InputError
from cal_jax.metrics.fixed_factor import FixedFactorPairs, checked_points
from cal_jax.metrics.scikit_learn import fitted, scikit_learn


def beta_vae_score(train: FixedFactorPairs, test: FixedFactorPairs) -> float:
    """How well a linear classifier tells from differences of codes which factor pairs share.

    A point's features are the mean absolute differences of its pairs. Accuracy on the test
    points of logistic regression (C = 1) fitted on the others: a fraction, 1 is best, chance
    is 1 / F. It is satisfied by a rotation of the codes that leaves the spreads of the
    dimensions different for each factor.

    Args:
        train: points of pairs from ``draw_pairs``, or codes of pairs of one's own,
            [P, B, D]; of blocks [P, B, K, C], a feature is the mean Euclidean distance of
            a block. Papers use 10,000 points of 64 pairs.
        test: points that the classifier is scored on, 5,000 in papers.

    Raises:
        InputError: other shapes, codes that are not finite, fewer than two fixed factors.
    """
    rows, asked = _features("train", train), _features("test", test)
    if rows.shape[1] != asked.shape[1]:
        raise InputError(f"test: {asked.shape[1]} codes; accepted: {rows.shape[1]} as in train")
    fixed = np.asarray(train.fixed)
    if len(np.unique(fixed)) < 2:
        raise InputError("train: one fixed factor; accepted: two or more")
    model = fitted(scikit_learn("linear_model").LogisticRegression(), rows, fixed)
    return float(np.mean(model.predict(asked) == np.asarray(test.fixed)))


def _features(name: str, pairs: FixedFactorPairs) -> np.ndarray:
    """The mean distance of the pairs of a point in each block, [P, K]."""
    first = checked_points(name, pairs.first, pairs.fixed, least=1)
    second = checked_points(name, pairs.second, pairs.fixed, least=1)
    if first.shape != second.shape:
        raise InputError(
            f"{name}: shapes {np.shape(pairs.first)} and {np.shape(pairs.second)}; "
            "accepted: the same for both items of the pairs"
        )
    return np.linalg.norm(first - second, axis=-1).mean(axis=1)
