"""Images as sets of points: spatial MNIST (Edwards & Storkey 2017).

An image's grey levels are an unnormalised density over its pixels: each
point is an independent draw of a pixel, and uniform within it. A point is (x, y), x
to the right and y upwards; the image fills the square [-HALF_WIDTH, HALF_WIDTH]^2,
in which the points of MNIST have a standard deviation near 1.

Shape letters: M sets, N points in a set.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError

HALF_WIDTH = 2.5


def require_ink(images: np.ndarray) -> None:
    """Check that points can be drawn from every image.

    Args:
        images: uint8 [M, H, W].

    Raises:
        InputError: not of this dtype and rank, or a blank image; it names the first one.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise InputError(
            f"images are {images.dtype} {list(images.shape)}; accepted: uint8 [M, H, W]"
        )
    blank = np.flatnonzero(~images.any(axis=(1, 2)))
    if blank.size:
        raise InputError(f"image {blank[0]} is blank; accepted: images with a pixel above 0")


def point_sets(rng: np.random.Generator, images: np.ndarray, num_points: int) -> np.ndarray:
    """One fixed set of points of each image, such as a test set.

    Args:
        rng: of everything drawn; its state alone decides the result.
        images: uint8 [M, H, W], none of them blank.
        num_points: N, at least 1.

    Returns:
        float32 [M, N, 2].

    Raises:
        InputError: fewer than one point, or see ``require_ink``.
    """
    require_ink(images)
    if num_points < 1:
        raise InputError(f"num_points {num_points}; accepted: 1 or more")
    _, height, width = images.shape
    shape = (len(images), num_points)
    cumulative = np.cumsum(images, dtype=np.int64)
    ends = cumulative[height * width - 1 :: height * width]
    starts = np.concatenate([[0], ends[:-1]])
    ink = rng.integers(starts[:, None], ends[:, None], size=shape)
    pixels = np.searchsorted(cumulative, ink, side="right") % (height * width)
    return _points(pixels, rng.random((*shape, 2)), height, width).astype(np.float32)


def draw_points(key: jax.Array, image: jax.Array, num_points: int) -> jax.Array:
    """A new set of points of one image, for one visit in training; pure.

    Args:
        key: of this visit.
        image: uint8 [H, W], not blank.
        num_points: N.

    Returns:
        float32 [N, 2], distributed as ``point_sets``.
    """
    key_pixel, key_place = jax.random.split(key)
    cumulative = jnp.cumsum(image.reshape(-1), dtype=jnp.int32)
    ink = jax.random.randint(key_pixel, (num_points,), 0, cumulative[-1])
    pixels = jnp.searchsorted(cumulative, ink, side="right")
    return _points(pixels, jax.random.uniform(key_place, (num_points, 2)), *image.shape)


def log_density(points: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The log density of points under their source image.

    Averaged over images, it bounds the log density of models without access to the image.

    Args:
        points: [M, N, 2].
        images: uint8 [M, H, W], none of them blank.

    Returns:
        float [M, N] in nats, -inf where the image is 0 and outside of it.
    """
    require_ink(images)
    _, height, width = images.shape
    share = (points / HALF_WIDTH + 1) / 2
    column = np.floor(share[..., 0] * width).astype(int)
    row = np.floor((1 - share[..., 1]) * height).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    sets = np.arange(len(images))[:, None]
    grey = images[sets, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)] * inside
    total = images.sum(axis=(1, 2), dtype=np.int64)[:, None]
    pixel_area = (2 * HALF_WIDTH) ** 2 / (height * width)
    with np.errstate(divide="ignore"):
        return np.log(grey / total) - np.log(pixel_area)


def _points(pixels: Any, jitter: Any, height: int, width: int) -> Any:
    """Coordinates [..., 2] of places [..., 2] in [0, 1)^2 within pixels [...] in row order."""
    column, row = pixels % width, pixels // width
    x = (column + jitter[..., 0]) / width
    y = (row + jitter[..., 1]) / height
    xp = jnp if isinstance(pixels, jax.Array) else np
    return HALF_WIDTH * xp.stack([2 * x - 1, 1 - 2 * y], axis=-1)
