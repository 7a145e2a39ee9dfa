"""Retrieval of sets by context: those with the query's value should rank first.

Shape letter: M sets, each the query once and among the others' candidates.
"""

from typing import NamedTuple

import numpy as np

from cal_jax.errors import InputError
from cal_jax.evaluation.constant_posteriors import Moments, pairwise_kl
from cal_jax.metrics.scores import FRACTION, Score

TOP = 10
"""Of the precision at."""


class Retrieved(NamedTuple):
    """Quality of a ranking, averaged over queries."""

    precision: float
    """Of the ``TOP`` nearest sets, or of all where there are fewer."""
    average_precision: float
    """The mean of the precision at the place of each set of the query's value."""


def ranked(distances: np.ndarray, values: np.ndarray) -> Retrieved:
    """Score the ranking of all other sets for each set.

    Args:
      distances: [M, M], from a query (row) to a candidate (column).
      values: int [M].

    Raises:
      InputError: other shapes, distances that are NaN, a value of a single set.
    """
    from sklearn.metrics import label_ranking_average_precision_score

    count = len(values)
    if distances.shape != (count, count) or np.isnan(distances).any():
        raise InputError(
            f"distances {distances.shape} of {count} values; accepted: [M, M], numbers"
        )
    if np.unique(values, return_counts=True)[1].min() < 2:
        raise InputError("values: one set alone has its value; accepted: two sets or more of each")
    order = np.argsort(distances, axis=1, kind="stable")
    order = order[order != np.arange(count)[:, None]].reshape(count, -1)  # not itself
    relevant = values[order] == values[:, None]
    places = np.broadcast_to(np.arange(1, count), relevant.shape)
    average = label_ranking_average_precision_score(relevant, -places)
    return Retrieved(float(relevant[:, :TOP].mean()), float(average))


def chance(values: np.ndarray) -> Retrieved:
    """The exact expectation of ``ranked`` for a random order.

    With R of n candidates relevant, the expected average precision is
    (H_n + (R - 1) / (n - 1) (n - H_n)) / n, H_n the n-th harmonic number.

    Args:
      values: int [M], M of 3 or more.
    """
    candidates = len(values) - 1
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    relevant = counts[which] - 1.0
    harmonic = float(np.sum(1.0 / np.arange(1, candidates + 1)))
    later = (relevant - 1) / (candidates - 1) * (candidates - harmonic)
    average = (harmonic + later) / candidates
    return Retrieved(float(np.mean(relevant / candidates)), float(average.mean()))


def retrieval_scores(name: str, contexts: Moments, values: np.ndarray) -> dict[str, Score]:
    """``retrieval_<k>_at_10`` and ``retrieval_<k>_map``, each with ``_chance`` beside it.

    For each set, all others in the order of KL(q(c_k | candidate) || q(c_k | query)):
    the precision of the first ten, and the mean average precision of all; relevant are
    the sets with the query's value of factor k.

    Args:
      name: of the factor.
      contexts: [M, C], of its context, of sets in which it is constant.
      values: int [M], its values.
    """
    apart = np.asarray(pairwise_kl(contexts, contexts)).T  # [query, candidate]
    found, by_chance = ranked(apart, values), chance(values)
    return {
        f"retrieval_{name}_{what}{suffix}": Score(value, None, FRACTION)
        for suffix, of in (("", found), ("_chance", by_chance))
        for what, value in ((f"at_{TOP}", of.precision), ("map", of.average_precision))
    }
