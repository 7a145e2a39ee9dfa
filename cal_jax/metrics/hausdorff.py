"""Modified Hausdorff distance between the ink of images (Dubuisson & Jain 1994)."""

import numpy as np

from cal_jax.errors import InputError


def ink_points(ink: np.ndarray) -> np.ndarray:
    """Coordinates of an image's ink about their mean, float [n, 2].

    Args:
        ink: bool [H, W].

    Raises:
        InputError: an image without ink.
    """
    points = np.argwhere(ink).astype(float)
    if not len(points):
        raise InputError("ink: none in an image; accepted: one pixel or more")
    return points - points.mean(axis=0, keepdims=True)


def modified_hausdorff(first: np.ndarray, second: np.ndarray) -> float:
    """The greater of the two mean distances from a point of one image to the other's nearest.

    Args:
        first: [n, 2]; second: [m, 2].
    """
    from scipy.spatial.distance import cdist

    apart = cdist(first, second)
    return float(max(apart.min(axis=1).mean(), apart.min(axis=0).mean()))
