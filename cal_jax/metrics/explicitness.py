"""Explicitness (Ridgeway & Mozer 2018, arXiv:1802.05312)."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_split, flattened
from cal_jax.metrics.scikit_learn import fitted, scikit_learn


def explicitness_score(
    codes: ArrayLike, factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> float:
    """How well a linear classifier of all dimensions tells the values of a factor.

    The area under the ROC curve of each value against the others, of logistic regression on
    standardised codes (C = 1); the mean over values, then over factors. A fraction: 0.5 is
    chance, 1 is best. It says nothing about which dimensions have the information.

    Args:
        codes: [I, D], or blocks [I, K, C], whose dimensions are read side by side.
        factors: int [I, F].
        test_codes, test_factors: items that the classifier is scored on, with every value
            that the others have and no further one.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value, other
            values in the test factors.
    """
    split = checked_split(codes, factors, test_codes, test_factors)
    train, test = flattened(split.codes), flattened(split.test_codes)
    deviation = train.std(axis=0)
    deviation[np.ptp(train, axis=0) == 0] = 1  # a constant dimension stays constant
    train, test = (train - train.mean(axis=0)) / deviation, (test - train.mean(axis=0)) / deviation
    scores = []
    for index, (labels, truth) in enumerate(
        zip(split.factors.T, split.test_factors.T, strict=True)
    ):
        if not np.array_equal(np.unique(labels), np.unique(truth)):
            raise InputError(
                f"test_factors: values of factor {index} differ from those in factors; "
                "accepted: the same values"
            )
        scores.append(_area(train, labels, test, truth))
    return float(np.mean(scores))


def _area(train: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """The mean over values of the area under the ROC curve of each against the others."""
    linear_model, metrics = scikit_learn("linear_model"), scikit_learn("metrics")
    model = fitted(linear_model.LogisticRegression(), train, labels)
    probabilities = model.predict_proba(test)
    areas = [
        metrics.roc_auc_score(truth == value, column)
        for value, column in zip(model.classes_, probabilities.T, strict=True)
    ]
    return float(np.mean(areas))
