"""Mutual information of discretised codes and factors, in nats."""

import numpy as np

from cal_jax.errors import InputError
from cal_jax.metrics.scikit_learn import scikit_learn


def histogram_bins(codes: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each number in a histogram of its dimension, int [I, D].

    Args:
        codes: [I, D].
        bins: of equal width between the least and the greatest number of a dimension.

    Raises:
        InputError: fewer than two bins.
    """
    if bins < 2:
        raise InputError(f"bins {bins}; accepted: 2 or more")
    columns = [
        np.searchsorted(np.histogram_bin_edges(column, bins)[1:-1], column, side="right")
        for column in codes.T
    ]
    return np.stack(columns, axis=1)


def mutual_information_matrix(labels: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The plug-in estimate of each label's information about each factor, nats [D, F].

    Args:
        labels: int [I, D].
        factors: int [I, F].
    """
    metrics = scikit_learn("metrics")
    return np.array(
        [[metrics.mutual_info_score(one, other) for other in factors.T] for one in labels.T]
    )


def entropies(factors: np.ndarray) -> np.ndarray:
    """The plug-in entropy of each factor of int [I, F], nats [F]."""
    from scipy.stats import entropy

    return np.array([entropy(np.unique(values, return_counts=True)[1]) for values in factors.T])
