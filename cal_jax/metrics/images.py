"""Distances between images with levels 0 to 1."""

import numpy as np


def similarity(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity of pairs of images [I, H, W], with scikit-image.

    Wang et al. 2004: a Gaussian window of 1.5 pixels' standard deviation, and the border of
    five pixels left out.
    """
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            np.asarray(found, np.float64),
            np.asarray(truth, np.float64),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def root_mean_square_error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each of I groups of images [I, ..., H, W]: [I]."""
    squares = np.square(np.asarray(found, np.float64) - truth)
    return np.sqrt(squares.reshape(len(squares), -1).mean(axis=1))


def mean_absolute_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Of all pixels."""
    return float(np.abs(np.asarray(found, np.float64) - truth).mean())
