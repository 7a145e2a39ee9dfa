"""Letters compared by shape alone: whatever their size, their place and their proportions."""

import numpy as np

SIDE = 16
"""Of a shape, in pixels."""


def shape_of(image: np.ndarray) -> np.ndarray:
    """A letter stretched to a square by its ink's box, linearly.

    Args:
        image: uint8 [S, S] with some ink.

    Returns:
        float [SIDE * SIDE] with mean 0 and norm 1: a product of two is their correlation.
    """
    square = image.astype(float)
    rows, columns = (np.flatnonzero(square.max(axis=a) > square.max() / 4) for a in (1, 0))
    square = square[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for axis in (0, 1):
        count = square.shape[axis]
        places = np.clip((np.arange(SIDE) + 0.5) * count / SIDE - 0.5, 0, count - 1)
        below = np.floor(places).astype(int)
        above = np.minimum(below + 1, count - 1)
        share = (places - below).reshape((-1, 1) if axis == 0 else (1, -1))
        square = (1 - share) * square.take(below, axis) + share * square.take(above, axis)
    shape = square.ravel() - square.mean()
    return shape / max(float(np.linalg.norm(shape)), 1e-9)
