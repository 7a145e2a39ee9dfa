"""Masks from the variance of a set's pixels: clusters without labels, and a classifier with them.

Shape letters: M sets, N frames, P features of a set, A masks.
"""

import numpy as np

from cal_jax.metrics.labels import rows_of

COMPONENTS = 40
"""Principal components of the features, at most."""

TINY = 1.0
"""Added to a variance of levels before its logarithm."""


def variances(x: np.ndarray) -> np.ndarray:
    """Log variance over the frames of blocks of 4 x 4 pixels, every colour: float32 [M, P].

    Args:
      x: uint8 [M, N, H, W, 3].
    """
    found = []
    for one in x:
        blocks = one[:, : one.shape[1] // 4 * 4, : one.shape[2] // 4 * 4].astype(np.float32)
        n, height, width, _ = blocks.shape
        blocks = blocks.reshape(n, height // 4, 4, width // 4, 4, 3).mean(axis=(2, 4))
        found.append(np.log(blocks.var(axis=0) + TINY).reshape(-1))
    return np.stack(found)


def cluster_accuracy(
    train: np.ndarray, test: np.ndarray, labels: np.ndarray, support: np.ndarray, seed: int
) -> float:
    """A mixture of A Gaussians of training sets' variances, its clusters matched to test masks.

    Args:
      train, test: features of sets, [M, P].
      labels: masks of the test sets, [M, K]: for the best one-to-one matching alone.
      support: [A, K].
      seed: of the mixture's start.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    truth, size = rows_of(labels, support), len(support)
    project = PCA(min(COMPONENTS, *train.shape), random_state=0).fit(train)
    mixture = GaussianMixture(size, covariance_type="diag", random_state=seed, reg_covar=1e-3)
    found = mixture.fit(project.transform(train)).predict(project.transform(test))
    counts = np.zeros((size, size))
    np.add.at(counts, (truth, found), 1)
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / len(truth))


def told_accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    labels: np.ndarray,
    support: np.ndarray,
) -> float:
    """A support vector machine of the same features that is told the training masks.

    Args:
      train, test: features of sets, [M, P].
      train_labels, labels: their masks, [M, K].
      support: [A, K].
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    components = PCA(min(COMPONENTS, *train.shape), random_state=0)
    machine = make_pipeline(components, SVC(C=10.0)).fit(train, rows_of(train_labels, support))
    return float((machine.predict(test) == rows_of(labels, support)).mean())
