"""Mismatch between the constant and the varying posterior of one context."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.leakage import checked_rows, fitted_probe


def two_sample_auc(first: ArrayLike, second: ArrayLike) -> float:
    """The area under the ROC curve of a classifier between two samples.

    An MLP is fitted on the even rows of both and evaluated on the odd ones; 0.5 means that
    the samples are indistinguishable, 1 that they are separable. Rows should be independent.

    Args:
      first: [R, C].
      second: [R', C].

    Raises:
      InputError: fewer than 4 rows, other shapes, values that are not finite.
    """
    from sklearn.metrics import roc_auc_score

    parts = []
    for label, (name, rows) in enumerate((("first", first), ("second", second))):
        labels = np.full(len(np.asarray(rows)), label)
        parts.append(checked_rows(name, rows, labels))
        if len(labels) < 4:
            raise InputError(f"{name}: {len(labels)} rows; accepted: 4 or more")
    rng = np.random.default_rng(0)
    halves = []
    for start in (0, 1):
        rows = np.concatenate([part[start::2] for part, _ in parts])
        labels = np.concatenate([values[start::2] for _, values in parts])
        order = rng.permutation(len(rows))
        halves.append((rows[order], labels[order]))
    (fitted, fitted_labels), (judged, judged_labels) = halves
    chance = fitted_probe(fitted, fitted_labels).predict_proba(judged)[:, 1]
    return float(roc_auc_score(judged_labels, chance))
