"""Random warps of images: affine maps and smooth displacements, on the device.

Shape letters: N images of H x W pixels.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.config import require_at_least
from cal_jax.data.factor_dataset import Render

KNOTS = 4
"""Along each side, of the grid of displacements that are interpolated."""


@dataclass(frozen=True)
class WarpRange:
    """How far random warps reach; all 0 leaves an image as it is.

    Rotation, stretch, shear and shift are uniform up to these limits; displacements are
    Gaussian.
    """

    degrees: float = 0.0
    """Of the rotation, either way."""
    stretch: float = 0.0
    """Logarithm of the factor of each side, either way: each its own."""
    shear: float = 0.0
    """Pixels to the right for a pixel down, either way."""
    shift: float = 0.0
    """Share of the image's side, either way, in each direction."""
    elastic: float = 0.0
    """Standard deviation of the displacement of ``KNOTS`` x ``KNOTS`` points, as a share of the
    side; pixels between them are interpolated."""

    def __post_init__(self) -> None:
        require_at_least(self, degrees=0, stretch=0, shear=0, shift=0, elastic=0)


def pixel_grid(height: int, width: int) -> Array:
    """Rows and columns of an image's pixels from its centre, in units of half a side: [H, W, 2]."""
    return jnp.stack(jnp.meshgrid(_line(height), _line(width), indexing="ij"), axis=-1)


def mapped_points(key: Array, points: Array, ranges: WarpRange, count: int) -> Array:
    """Points of N images under random warps: where each pixel is taken from.

    Args:
      key: of the warps.
      points: [N, H, W, 2], or [1, H, W, 2]; see ``pixel_grid``.
      ranges: of the warps.
      count: of the warps: N, or 1 that all images share.

    Returns:
      [N, H, W, 2], or [1, H, W, 2] where both are one.
    """
    uniform = jax.random.uniform(key, (count, 6), minval=-1.0, maxval=1.0)
    angle = jnp.deg2rad(ranges.degrees) * uniform[:, 0]
    rows, columns = (jnp.exp(ranges.stretch * uniform[:, k]) for k in (1, 2))
    cosine, sine, shear = jnp.cos(angle), jnp.sin(angle), ranges.shear * uniform[:, 3]
    zero = jnp.zeros_like(rows)
    turn = jnp.stack([cosine, -sine, sine, cosine], axis=-1).reshape(count, 2, 2)
    scale = jnp.stack([rows, zero, shear * rows, columns], axis=-1).reshape(count, 2, 2)
    every = max(count, len(points))
    matrix = jnp.broadcast_to(turn @ scale, (every, 2, 2))
    points = jnp.broadcast_to(points, (every, *points.shape[1:]))
    knots = jax.random.normal(jax.random.fold_in(key, 1), (count, KNOTS, KNOTS, 2))
    weights = [_between(side) for side in points.shape[1:3]]
    bend = jnp.einsum("hi,nijd,wj->nhwd", weights[0], knots, weights[1])
    away = 2.0 * (ranges.elastic * bend + ranges.shift * uniform[:, None, None, 4:])
    return jnp.einsum("nij,nhwj->nhwi", matrix, points) + jnp.broadcast_to(away, points.shape)


def warped(images: Array, sources: Array) -> Array:
    """Images with each pixel taken from another place, bilinearly; 0 from outside.

    Args:
      images: [N, H, W].
      sources: [N, H, W, 2], see ``mapped_points``.

    Returns:
      float32 [N, H, W].
    """
    sides = jnp.asarray(images.shape[1:], jnp.float32)
    places = 0.5 * (sources + 1.0) * sides.reshape(1, 1, 1, 2) - 0.5

    def one(image: Array, place: Array) -> Array:
        return jax.scipy.ndimage.map_coordinates(
            image, [place[..., 0], place[..., 1]], order=1, mode="constant"
        )

    return jax.vmap(one)(images.astype(jnp.float32), places)


def warp_images(key: Array, images: Array, of_all: WarpRange, of_each: WarpRange) -> Array:
    """Images [N, H, W] under one random warp that they share and one of their own each; pure.

    The shared warp makes a new value of whatever the images have in common, as the further
    characters of an alphabet that leans; the own ones are variations within it.

    Args:
      key: of the warps.
      images: [N, H, W].
      of_all: the range of the shared warp; its displacements are shared too.
      of_each: the range of the others.
    """
    key_all, key_each = jax.random.split(key)
    own = mapped_points(key_each, pixel_grid(*images.shape[1:])[None], of_each, len(images))
    return warped(images, mapped_points(key_all, own, of_all, 1))


def rendering(of_all: WarpRange, of_each: WarpRange) -> Render:
    """``warp_images`` as the render of a ``FactorDataset``: the images are those of one set."""
    return lambda items, values, key: warp_images(key, items, of_all, of_each)


def _line(count: int) -> Array:
    """Centres of pixels between -1 and 1, [count]."""
    return (2.0 * jnp.arange(count) + 1.0) / count - 1.0


def _between(count: int) -> Array:
    """Weights [count, KNOTS] of linear interpolation between equally spaced points."""
    place = (_line(count) + 1.0) / 2.0 * (KNOTS - 1)
    return jnp.maximum(0.0, 1.0 - jnp.abs(place[:, None] - jnp.arange(KNOTS)[None]))
