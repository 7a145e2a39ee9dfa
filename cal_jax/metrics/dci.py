"""Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

https://openreview.net/forum?id=By-7dz-AZ, with the boosted trees of Locatello et al. 2019.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_split, finite, flattened
from cal_jax.metrics.scikit_learn import scikit_learn

FLOOR = 1e-11
"""Added to every importance, so that a row of zeros is uniform."""


class DCI(NamedTuple):
    """Three scores and the matrix that two of them are of; fractions, 0 to 1."""

    disentanglement: float
    """1 if each code is important for one factor at most."""
    completeness: float
    """1 if one code is important for each factor."""
    informativeness: float
    """Accuracy on test items, the mean over factors."""
    importance: np.ndarray
    """[D, F], or [K, F] of blocks: each column adds up to 1."""


def dci_scores(
    codes: ArrayLike,
    factors: ArrayLike,
    test_codes: ArrayLike,
    test_factors: ArrayLike,
    *,
    classifier: Any = None,
) -> DCI:
    """A classifier of each factor by all codes, and what is important to it.

    Args:
        codes: [I, D], or blocks [I, K, C]: the importance of a block is the sum over its
            dimensions, and the scores are of blocks. Two dimensions or blocks at least.
        factors: int [I, F], F >= 2.
        test_codes, test_factors: items that the classifiers are scored on.
        classifier: of scikit-learn, with ``feature_importances_``; a clone is fitted to each
            factor. Gradient boosted trees with default settings, if None. A random forest is
            quicker and spreads importance over more dimensions: scores of different
            classifiers are not comparable.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value.
    """
    split = checked_split(codes, factors, test_codes, test_factors)
    if classifier is None:
        classifier = scikit_learn("ensemble").GradientBoostingClassifier(random_state=0)
    train, test = flattened(split.codes), flattened(split.test_codes)
    columns, accuracies = [], []
    for labels, truth in zip(split.factors.T, split.test_factors.T, strict=True):
        model = scikit_learn("base").clone(classifier).fit(train, labels)
        columns.append(np.maximum(model.feature_importances_, 0.0))  # rounding leaves some below 0
        accuracies.append(np.mean(model.predict(test) == truth))
    by_dimension = np.stack(columns, axis=1)
    importance = by_dimension.reshape(*split.codes.shape[1:], -1).sum(axis=1)
    return DCI(
        disentanglement(importance),
        completeness(importance),
        float(np.mean(accuracies)),
        importance,
    )


def disentanglement(importance: ArrayLike) -> float:
    """1 minus the entropy of a code's importance over factors, weighed by its importance.

    Args:
        importance: of each code for each factor, not negative: [D, F], both 2 or more.

    Raises:
        InputError: another shape, numbers that are negative or not finite.
    """
    return _concentration(_importance(importance))


def completeness(importance: ArrayLike) -> float:
    """1 minus the entropy of a factor's importance over codes, weighed by its importance.

    Args:
        importance: as in ``disentanglement``.

    Raises:
        InputError: as ``disentanglement``.
    """
    return _concentration(_importance(importance).T)


def _concentration(rows: np.ndarray) -> float:
    """The mean of 1 - entropy over rows, with the logarithm's base their length; 0 of zeros."""
    from scipy.stats import entropy

    total = rows.sum()
    if total == 0:
        return 0.0
    each = 1 - entropy(rows + FLOOR, base=rows.shape[1], axis=1)
    return float(each @ rows.sum(axis=1) / total)


def _importance(importance: ArrayLike) -> np.ndarray:
    matrix = np.asarray(importance, np.float64)
    if matrix.ndim != 2 or min(matrix.shape) < 2:
        raise InputError(
            f"importance: shape {matrix.shape}; accepted: [D, F], two codes and two factors or more"
        )
    if (finite(matrix, "importance") < 0).any():
        raise InputError("importance: a negative number; accepted: 0 or more")
    return matrix
