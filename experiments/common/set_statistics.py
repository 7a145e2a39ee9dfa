"""The floor of untold masks: clusters of sets by simple statistics of their items."""

from collections.abc import Callable

import numpy as np

INITIALISATIONS = 10
"""Of the mixture's EM; the likeliest stays."""


def statistics(x: np.ndarray) -> np.ndarray:
    """Simple statistics of sets [M, N, *X], as they are: [M, 4].

    The standard deviation of the items' means, and of their own standard deviations; the mean
    and the standard deviation of the distance between two items.
    """
    flat = x.reshape(*x.shape[:2], -1)
    means, spreads = flat.mean(axis=2), flat.std(axis=2)
    products = flat @ flat.swapaxes(1, 2)
    squares = np.diagonal(products, axis1=1, axis2=2)
    distances = np.sqrt(np.maximum(squares[:, :, None] + squares[:, None] - 2 * products, 0))
    pairs = distances[:, *np.triu_indices(x.shape[1], 1)]
    return np.stack(
        [means.std(axis=1), spreads.std(axis=1), pairs.mean(axis=1), pairs.std(axis=1)], axis=1
    )


def spread(x: np.ndarray) -> np.ndarray:
    """One number for each set [M, N, *X], the variance of its items' means: [M, 1]."""
    return x.reshape(*x.shape[:2], -1).mean(axis=2).var(axis=1, keepdims=True)


def matched_accuracy(clusters: np.ndarray, truth: np.ndarray, count: int) -> float:
    """The share of sets that are right where each cluster is one mask, at the best matching.

    Args:
      clusters, truth: int [M], 0 to ``count`` - 1.
      count: of clusters and of masks.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((count, count))
    np.add.at(counts, (truth, clusters), 1)
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / len(truth))


def mixture_masks(
    train: np.ndarray,
    x: np.ndarray,
    count: int,
    seed: int,
    measure: Callable[[np.ndarray], np.ndarray] = statistics,
) -> np.ndarray:
    """The cluster of each set in x, by a Gaussian mixture fitted to training sets' statistics.

    Args:
      train: [M', N, *X]; x: [M, N, *X].
      count: clusters.
      seed: of EM's initialisations.
      measure: of sets, [M, N, *X] -> [M, P].

    Returns:
      int [M], 0 to ``count`` - 1.
    """
    from sklearn.mixture import GaussianMixture

    seen, asked = measure(train), measure(x)
    mean, scale = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)
    mixture = GaussianMixture(count, n_init=INITIALISATIONS, random_state=seed)
    return mixture.fit((seen - mean) / scale).predict((asked - mean) / scale)
