"""Information of a varying context about its own factor and the others, by probes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.scores import FRACTION, Score

PROBE_ROWS = 10_000
"""Items that a probe is fitted on, at most."""


class ContextRows(NamedTuple):
    """Items in which a context varies, one a row."""

    means: np.ndarray
    """[R, C]: of its varying posterior."""
    factors: np.ndarray
    """int [R, K]: the true value of every factor."""


def probe_scores(
    names: Sequence[str], train: Sequence[ContextRows], test: Sequence[ContextRows]
) -> dict[str, Score]:
    """``informativeness_<k>`` and, for each other factor j, ``leakage_<j>_in_<k>``.

    A probe, an MLP, is fitted on training images' means of context k and predicts
    test images' factors. Informativeness is its accuracy for factor k. Leakage is its
    accuracy for j above chance, the share of j's most frequent value; it is meaningful
    only if the informativeness is 0.8 or more, as an unused context leaks nothing.

    Args:
      names: of the K factors.
      train: for each context k, items of training images.
      test: the same of test images.

    Raises:
      InputError: rows that do not fit together.
    """
    scores = {}
    for k, name in enumerate(names):
        fitted, asked = train[k], test[k]
        for j, other in enumerate(names):
            share = probe_accuracy(
                fitted.means, fitted.factors[:, j], asked.means, asked.factors[:, j]
            )
            if j == k:
                scores[f"informativeness_{name}"] = Score(share, None, FRACTION)
            else:
                chance = np.bincount(asked.factors[:, j]).max() / len(asked.factors)
                above = float(share - chance)
                scores[f"leakage_{other}_in_{name}"] = Score(above, None, FRACTION)
    return scores


def probe_accuracy(
    train: ArrayLike, train_labels: ArrayLike, test: ArrayLike, test_labels: ArrayLike
) -> float:
    """The accuracy on test rows of an MLP fitted on training rows.

    The features are standardised first. One hidden layer of 128
    units, Adam, early stopping on a tenth of the rows; the first ``PROBE_ROWS`` rows.

    Args:
      train: features [R, C].
      train_labels: int [R].
      test: features [R', C].
      test_labels: int [R'].

    Raises:
      InputError: lengths that differ, values that are not finite.
    """
    rows, labels = checked_rows("train", train, train_labels)
    asked, truth = checked_rows("test", test, test_labels)
    if len(np.unique(labels)) < 2:
        return float(np.mean(truth == labels[0]))
    model = fitted_probe(rows[:PROBE_ROWS], labels[:PROBE_ROWS])
    return float(np.mean(model.predict(asked) == truth))


def fitted_probe(rows: np.ndarray, labels: np.ndarray) -> Any:
    """A classifier of rows [R, C] with labels int [R] of two values or more, from scikit-learn."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier(
        (128,),
        learning_rate_init=2e-3,
        max_iter=30,
        n_iter_no_change=5,
        early_stopping=bool(np.unique(labels, return_counts=True)[1].min() >= 20),
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 passes are the budget
        return make_pipeline(StandardScaler(), network).fit(rows, labels)


def checked_rows(name: str, rows: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Rows [R, C] and labels [R] as arrays.

    Raises:
      InputError: other shapes, no rows, values that are not finite.
    """
    features, values = np.asarray(rows, np.float64), np.asarray(labels)
    if features.ndim != 2 or not features.size or values.shape != features.shape[:1]:
        raise InputError(
            f"{name}: shapes {features.shape} and {values.shape}; accepted: [R, C] and [R]"
        )
    if not np.isfinite(features).all():
        raise InputError(f"{name}: NaN or infinity; accepted: finite numbers")
    return features, values
