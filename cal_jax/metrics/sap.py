"""Separated attribute predictability (Kumar et al. 2018, arXiv:1711.00848)."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_blocks, checked_split, finite
from cal_jax.metrics.scikit_learn import fitted, scikit_learn


def sap_score(
    codes: ArrayLike, factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> float:
    """How much better the best dimension alone predicts a factor than the second best.

    The gap of the two largest test accuracies of linear support vector machines (C = 0.01,
    values weigh alike), each of one dimension; the mean over factors. A fraction, 0 to 1;
    even a perfect code stays below 1, as other dimensions are right by chance and a linear
    machine of one number cannot tell many values. C sets a scale: multiplying codes by a
    number changes the score.

    Args:
        codes: [I, D], D >= 2, or blocks [I, K, C], K >= 2: a machine reads one block.
        factors: int [I, F].
        test_codes, test_factors: items that the machines are scored on.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value.
    """
    split = checked_split(codes, factors, test_codes, test_factors)
    checked_blocks(codes, least=2)
    machine = scikit_learn("svm").LinearSVC
    accuracy = np.zeros((split.codes.shape[1], split.factors.shape[1]))
    for k, j in np.ndindex(*accuracy.shape):
        model = machine(C=0.01, class_weight="balanced", dual=False)
        fitted(model, split.codes[:, k], split.factors[:, j])
        accuracy[k, j] = np.mean(model.predict(split.test_codes[:, k]) == split.test_factors[:, j])
    return _gap(accuracy)


def sap_score_continuous(codes: ArrayLike, factors: ArrayLike) -> float:
    """As ``sap_score``, of numerical factors: the gap of the two largest R^2.

    R^2 is that of least squares on one dimension (the squared correlation) or one block.

    Args:
        codes: [I, D], D >= 2, or blocks [I, K, C], K >= 2.
        factors: numbers [I, F].

    Raises:
        InputError: other shapes, numbers that are not finite, a factor of one value.
    """
    blocks = checked_blocks(codes, least=2)
    targets = np.asarray(factors, np.float64)
    if targets.ndim != 2 or len(targets) != len(blocks) or not targets.size:
        raise InputError(
            f"factors: shape {targets.shape}; accepted: [I, F] with {len(blocks)} items"
        )
    if (np.ptp(finite(targets, "factors"), axis=0) == 0).any():
        raise InputError("factors: a factor has one value; accepted: two values or more")
    return _gap(np.stack([_explained(block, targets) for block in blocks.transpose(1, 0, 2)]))


def _explained(block: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """R^2 of least squares of each target [I, F] on a block [I, C]: [F]."""
    varying = block[:, np.ptp(block, axis=0) > 0]
    centred, wanted = varying - varying.mean(axis=0), targets - targets.mean(axis=0)
    found = centred @ np.linalg.lstsq(centred, wanted, rcond=None)[0]
    return np.sum(found**2, axis=0) / np.sum(wanted**2, axis=0)


def _gap(scores: np.ndarray) -> float:
    """The mean over columns of the largest minus the second largest of each."""
    second, first = np.sort(scores, axis=0)[-2:]
    return float(np.mean(first - second))
