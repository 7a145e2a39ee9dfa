"""Modularity (Ridgeway & Mozer 2018, arXiv:1802.05312)."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.metrics.codes import checked_dimensions, checked_factors
from cal_jax.metrics.mutual_information import histogram_bins, mutual_information_matrix


def modularity_score(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> float:
    """Whether each dimension has information about one factor only.

    1 minus the squared information about all factors but the best one, over F - 1 times the
    square of the best; the mean over dimensions. 0 to 1, a ratio: 1 if no dimension mixes
    factors. A dimension without information counts 0. The estimate of information is biased
    upwards, so a dimension of noise does not score 0.

    Args:
        codes: [I, D]. Blocks [I, K, C] are refused: a histogram of a block has
            bins ** C cells.
        factors: int [I, F], F >= 2.
        bins: of the histogram that discretises each dimension.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value.
    """
    dimensions = checked_dimensions(codes)
    labels = checked_factors(factors, len(dimensions), least=2)
    squares = mutual_information_matrix(histogram_bins(dimensions, bins), labels) ** 2
    best = squares.max(axis=1)
    informative = best > 0
    others = (squares.sum(axis=1) - best)[informative]
    impurity = others / (best[informative] * (labels.shape[1] - 1))
    return float(np.sum(1 - impurity) / len(best))
