"""Sprites drawn on the device: one grey shape on black, a data set with five factors.

The factors and their numbers of values are those of dSprites (Matthey et al. 2017); the images
are not that file's, for which see ``data.benchmarks.dsprites``. An image is white inside its
shape, black outside, and in between a ramp of one pixel across the outline: its level is
0.5 - d, cut to [0, 1], of a pixel whose centre is d pixels outside. Shape letters: I items.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset

FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
SCALES = tuple(f"{tenths / 10:.1f}" for tenths in range(5, 11))
"""Factors of a shape's lengths."""
ORIENTATIONS = tuple(str(9 * step) for step in range(40))
"""Degrees, from the axis of x towards that of y, which points down: clockwise as it is seen."""
POSITIONS = tuple(str(place) for place in range(32))
"""Pixels from the first position: a step of x or y moves the shape by exactly one pixel."""
SIZES = tuple(map(len, (SHAPES, SCALES, ORIENTATIONS, POSITIONS, POSITIONS)))

SIDE = 64
"""Pixels of an image."""
FIRST = 16.5
"""The least x and y of a shape's centre, the middle of a pixel; the greatest is SIDE - FIRST."""
AREA = 18.0**2
"""Square pixels of every shape at scale 1: that of a square with sides of 18."""

HALF_SQUARE = math.sqrt(AREA) / 2
ELLIPSE = (math.sqrt(2 * AREA / math.pi), math.sqrt(AREA / 2 / math.pi))
"""Semi-axes, 2 : 1."""
HEART = math.sqrt(AREA / (1 + math.pi / 4))
"""The side of the heart's square, on two sides of which stand half discs."""
HEART_CENTRE = (0.5 + math.pi / 8 * (1.5 + 2 / (3 * math.pi))) / (1 + math.pi / 4)
"""Of its area, along both sides of the square of side 1, from the heart's tip."""

TINY = 1e-6
"""Added to squares of an ellipse, whose centre has no slope."""

SYMMETRY = (4, 2, 1)
"""Turns of the circle that leave each shape as it is: its orientations look alike by so many."""


def drawn_sprites() -> FactorDataset:
    """Every combination of the five factors, each a row of five numbers until it is rendered.

    A square looks the same after a quarter turn and an ellipse after half a turn, so the image
    determines the orientation for hearts alone (``look_alikes``).

    Returns:
        Items uint8 [737280, 5], the codes of ``FACTORS``, which ``render`` turns into float32
        [64, 64] in [0, 1].
    """
    codes = np.indices(SIZES, dtype=np.uint8).reshape(len(SIZES), -1).T
    names = dict(zip(FACTORS, (SHAPES, SCALES, ORIENTATIONS, POSITIONS, POSITIONS), strict=True))
    columns = {
        name: np.asarray(values)[codes[:, k]] for k, (name, values) in enumerate(names.items())
    }
    return FactorDataset(
        np.ascontiguousarray(codes),
        columns,
        value_names=names,
        render=lambda items, values, key: draw(items),
        look_alikes={("shape", "orientation"): look_alikes()},
    )


def look_alikes() -> np.ndarray:
    """A number for each appearance of shape and orientation, int32 [3, 40]."""
    steps = len(ORIENTATIONS)
    turns = np.arange(steps)
    return np.stack(
        [steps * shape + turns % (steps // turn) for shape, turn in enumerate(SYMMETRY)]
    ).astype(np.int32)


def draw(codes: jax.Array) -> jax.Array:
    """Images of items, float32 [..., 64, 64] in [0, 1].

    Args:
        codes: integers [..., 5], of ``FACTORS`` in their order.
    """
    shape, scale, orientation, x, y = (
        codes[..., k, None, None].astype(jnp.float32) for k in range(len(FACTORS))
    )
    length = (scale + 5.0) / 10.0
    angle = 2 * math.pi / len(ORIENTATIONS) * orientation
    middles = jnp.arange(SIDE, dtype=jnp.float32) + 0.5 - FIRST
    lead = (1,) * (codes.ndim - 1)
    across = middles.reshape(*lead, 1, SIDE) - x
    down = middles.reshape(*lead, SIDE, 1) - y
    cos, sin = jnp.cos(angle) / length, jnp.sin(angle) / length
    u, v = across * cos + down * sin, down * cos - across * sin
    distance = jnp.where(
        shape == 0.0, _square(u, v), jnp.where(shape == 1.0, _ellipse(u, v), _heart(u, v))
    )
    return jnp.clip(0.5 - length * distance, 0.0, 1.0)


def _square(u: jax.Array, v: jax.Array) -> jax.Array:
    """The signed distance of points from a square about 0, negative inside."""
    return _box(jnp.abs(u) - HALF_SQUARE, jnp.abs(v) - HALF_SQUARE)


def _ellipse(u: jax.Array, v: jax.Array) -> jax.Array:
    """The same of an ellipse, to first order: its implicit function over that one's slope."""
    a, b = ELLIPSE
    radius = jnp.sqrt((u / a) ** 2 + (v / b) ** 2 + TINY)
    slope = jnp.sqrt((u / a**2) ** 2 + (v / b**2) ** 2 + TINY / a**2)
    return radius * (radius - 1.0) / slope


def _heart(u: jax.Array, v: jax.Array) -> jax.Array:
    """The same of a heart whose tip points along v at orientation 0, exact outside.

    The union of a square and of two discs about the middles of two sides: the least of their
    distances. The other disc is the mirror image of the nearer one, beyond the diagonal.
    """
    along, apart = -v / math.sqrt(2), jnp.abs(u) / math.sqrt(2)
    p = along + apart + HEART_CENTRE * HEART
    q = along - apart + HEART_CENTRE * HEART
    half = HEART / 2
    disc = jnp.sqrt((p - HEART) ** 2 + (q - half) ** 2) - half
    return jnp.minimum(_box(jnp.abs(p - half) - half, jnp.abs(q - half) - half), disc)


def _box(p: jax.Array, q: jax.Array) -> jax.Array:
    """The signed distance from a box, of what both coordinates are beyond its sides."""
    outside = jnp.sqrt(jnp.maximum(p, 0.0) ** 2 + jnp.maximum(q, 0.0) ** 2)
    return outside + jnp.minimum(jnp.maximum(p, q), 0.0)
