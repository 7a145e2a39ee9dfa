"""One-shot classification: affinities of queries to classes, and the error that they make.

Shape letters: R runs, V classes and as many queries, C dimensions of a context, H x W pixels.
An affinity [R, V, V] is of each query (rows) to each class (columns); query v is of class v.
"""

import numpy as np

from cal_jax.data.omniglot_runs import OneShotRuns
from cal_jax.errors import InputError
from cal_jax.evaluation.constant_posteriors import Moments, pairwise_kl
from cal_jax.metrics.hausdorff import ink_points, modified_hausdorff

WEIGHTS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Of ``both`` that are tried on runs of held-back alphabets."""


def error(affinity: np.ndarray) -> float:
    """The share of queries that are not assigned to their own class, the one of most affinity.

    Ties count as wrong in all but one of their places: the first class of most affinity is taken.

    Raises:
      InputError: no affinities [R, V, V], or one that is NaN.
    """
    if affinity.ndim != 3 or affinity.shape[1] != affinity.shape[2] or np.isnan(affinity).any():
        raise InputError(f"affinity: shape {affinity.shape}; accepted: [R, V, V], numbers")
    nearest = affinity.argmax(axis=2)
    return float(np.mean(nearest != np.arange(affinity.shape[1])[None]))


def by_contexts(classes: Moments, queries: Moments) -> np.ndarray:
    """-KL(q(c | x_class) || q(c | x_query)) of diagonal Gaussians, in nats.

    The direction is that of ``evaluation.few_shot``: distances are scaled by the query's
    uncertainty, the same for every class.

    Args:
      classes: of the classes' images, [R, V, C].
      queries: of the queries, [R, V, C].
    """
    return -np.asarray(pairwise_kl(classes, queries)).swapaxes(1, 2)


def both(contexts: np.ndarray, log_likelihoods: np.ndarray, weight: float) -> np.ndarray:
    """The affinity by contexts plus the weighted log p(x_query | context of the class).

    Args:
      contexts: [R, V, V] nats, see ``by_contexts``.
      log_likelihoods: [R, V, V] nats.
      weight: of the latter.
    """
    return contexts + weight * log_likelihoods


def best_weight(contexts: np.ndarray, log_likelihoods: np.ndarray) -> float:
    """The least of ``WEIGHTS`` among those of the least error; on held-back alphabets alone."""
    return min(WEIGHTS, key=lambda weight: error(both(contexts, log_likelihoods, weight)))


def by_pixels(runs: OneShotRuns) -> np.ndarray:
    """Minus the squared distance of the images' levels."""
    classes, queries = (part.reshape(*part.shape[:2], -1) for part in runs)
    apart = np.square(queries[:, :, None] - classes[:, None]).sum(axis=-1)
    return -np.asarray(apart)


def by_hausdorff(ink: OneShotRuns) -> np.ndarray:
    """Minus the modified Hausdorff distance of the centred ink (the published baseline).

    Args:
      ink: bool [R, V, H, W].
    """
    classes, queries = ([[ink_points(one) for one in run] for run in part] for part in ink)
    return -np.asarray(
        [
            [[modified_hausdorff(query, one) for one in own] for query in asked]
            for asked, own in zip(queries, classes, strict=True)
        ]
    )
