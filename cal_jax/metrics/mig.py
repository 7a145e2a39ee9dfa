"""Mutual information gap (Chen et al. 2018, arXiv:1802.04942)."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.metrics.codes import checked_dimensions, checked_factors
from cal_jax.metrics.mutual_information import (
    entropies,
    histogram_bins,
    mutual_information_matrix,
)


def mutual_information_gap(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> float:
    """How much more the most informative dimension says of a factor than the second.

    The gap of the two largest I(dimension; factor), over the entropy of the factor; the mean
    over factors. 0 to 1, a ratio: 1 if one dimension determines each factor and no other
    has information about it. It penalises a factor that is spread over several dimensions,
    not a dimension that mixes factors.

    Args:
        codes: [I, D], D >= 2. Blocks [I, K, C] are refused: a histogram of a block has
            bins ** C cells.
        factors: int [I, F].
        bins: of the histogram that discretises each dimension.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value.
    """
    dimensions = checked_dimensions(codes, least=2)
    labels = checked_factors(factors, len(dimensions))
    information = mutual_information_matrix(histogram_bins(dimensions, bins), labels)
    second, first = np.sort(information, axis=0)[-2:]
    return float(np.mean((first - second) / entropies(labels)))
