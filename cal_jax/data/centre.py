"""Images moved so that their ink is about the centre."""

import numpy as np


def centred(ink: np.ndarray) -> np.ndarray:
    """Images moved by whole pixels, so that the mean place of their ink is nearest the centre.

    Places that come from outside are blank, and ink that would leave the image is lost. An image
    without ink stays.

    Args:
        ink: bool [M, H, W].

    Returns:
        bool [M, H, W].
    """
    moved = np.zeros_like(ink)
    for image, own in zip(moved, ink, strict=True):
        points = np.argwhere(own)
        if len(points):
            centre = (np.asarray(own.shape) - 1) / 2
            points = points + np.rint(centre - points.mean(axis=0)).astype(int)
            inside = ((points >= 0) & (points < own.shape)).all(axis=1)
            image[tuple(points[inside].T)] = True
    return moved
