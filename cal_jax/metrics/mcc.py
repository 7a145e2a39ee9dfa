"""Mean correlation coefficient (Hyvärinen & Morioka 2016; Khemakhem et al. 2020)."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_dimensions
from cal_jax.metrics.matching import best_matching

METHODS = ("pearson", "spearman")


class MatchedCorrelations(NamedTuple):
    """Factors and the dimensions that they are matched with."""

    score: float
    """The mean of ``correlations``, a fraction, 0 to 1."""
    dimensions: np.ndarray
    """int [F]: of each factor, its dimension."""
    correlations: np.ndarray
    """[F]: the absolute correlation of each factor with its dimension."""


def mean_correlation_coefficient(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    method: Literal["pearson", "spearman"] = "pearson",
) -> MatchedCorrelations:
    """Absolute correlations of factors and dimensions, matched one to one so that they add up most.

    1 if each factor is a linear (``spearman``: monotonic) function of a dimension of its own.
    arXiv:1605.06336, arXiv:1907.04809. For factors with an order; the numbers of unordered
    classes have no correlation to speak of. A constant dimension correlates 0.

    Args:
        codes: [I, D] with D >= F. Blocks [I, K, C] are refused: a correlation is of numbers.
        factors: numbers [I, F], integers or not.
        method: ``pearson`` or ``spearman``, the correlation of ranks.

    Raises:
        InputError: other shapes, numbers that are not finite, a factor of one value, another
            method.
    """
    dimensions = checked_dimensions(codes)
    targets = checked_dimensions(factors, "factors")
    if len(targets) != len(dimensions):
        raise InputError(f"factors: {len(targets)} items; accepted: {len(dimensions)}, as codes")
    if (np.ptp(targets, axis=0) == 0).any():
        raise InputError("factors: a factor has one value; accepted: two values or more")
    if method not in METHODS:
        raise InputError(f"method {method!r}; accepted: {', '.join(METHODS)}")
    if method == "spearman":
        from scipy.stats import rankdata

        dimensions, targets = rankdata(dimensions, axis=0), rankdata(targets, axis=0)
    matrix = np.minimum(np.abs(_unit(dimensions).T @ _unit(targets)), 1)
    chosen = best_matching(matrix)
    correlations = matrix[chosen, np.arange(len(chosen))]
    return MatchedCorrelations(float(correlations.mean()), chosen, correlations)


def _unit(columns: np.ndarray) -> np.ndarray:
    """Columns about their means, of length 1; zeros where constant."""
    centred = columns - columns.mean(axis=0)
    lengths, varies = np.linalg.norm(centred, axis=0), np.ptp(columns, axis=0) > 0
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=varies)
