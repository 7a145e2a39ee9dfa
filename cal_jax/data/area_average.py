"""Images made smaller by averages over the area of each new pixel."""

import numpy as np

from cal_jax.errors import InputError

BATCH = 1024
"""Images at a time, in double precision."""


def area_average(images: np.ndarray, size: int) -> np.ndarray:
    """Resize square images to ``size`` x ``size``.

    A new pixel is the mean of the part of the old image that it covers, old pixels that it
    covers in part included: the mean level of an image is unchanged.

    Args:
        images: [M, H, H], of any real type.
        size: of the result, 1 to H.

    Returns:
        float32 [M, size, size].

    Raises:
        InputError: images that are not square, another size.
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise InputError(f"images: shape {images.shape}; accepted: [M, H, H]")
    side = images.shape[1]
    if not 1 <= size <= side:
        raise InputError(f"image size {size}; accepted: 1 to {side}")
    share, smaller = _shares(side, size), np.empty((len(images), size, size), np.float32)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH].astype(float)
        smaller[start : start + BATCH] = share @ batch @ share.T
    return smaller


def _shares(side: int, size: int) -> np.ndarray:
    """The share of each old pixel in each new one, along one side: [size, side], rows sum to 1."""
    edges = np.arange(size + 1) * (side / size)
    low = np.maximum(edges[:-1, None], np.arange(side)[None])
    high = np.minimum(edges[1:, None], np.arange(1, side + 1)[None])
    return np.maximum(high - low, 0.0) * (size / side)
