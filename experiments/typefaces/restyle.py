"""Augmentation: all glyphs of a typeface are widened, heightened, slanted and thickened alike.

Training has some hundred families. A face under such a change is another face, and its letters
are the same letters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.ndimage import map_coordinates

SPREAD = {"width": 0.15, "height": 0.08, "slant": 0.15}
"""Standard deviations: of the logarithms of both scales, and of the tangent of the slant."""

MOST_WEIGHT = 0.5
"""Of what dilation by one pixel adds, or erosion takes, at most; uniform."""


class Restyle(NamedTuple):
    """One change of a face, or arrays of them."""

    width: Array
    """Factor of the horizontal scale."""
    height: Array
    """Factor of the vertical scale."""
    slant: Array
    """Pixels to the right for each pixel upwards."""
    weight: Array
    """Share of a dilation by one pixel; of an erosion, below 0."""


def draw_restyle(key: Array) -> Restyle:
    """A random change."""
    keys = jax.random.split(key, 4)
    width, height, slant = (
        spread * jax.random.normal(one) for one, spread in zip(keys, SPREAD.values(), strict=False)
    )
    weight = jax.random.uniform(keys[3], minval=-MOST_WEIGHT, maxval=MOST_WEIGHT)
    return Restyle(jnp.exp(width), jnp.exp(height), slant, weight)


def restyle(glyph: Array, change: Restyle) -> Array:
    """A glyph [H, W] with levels 0 to 1, changed about its centre; what leaves it is cut."""
    rows, columns = (jnp.arange(size) - (size - 1) / 2 for size in glyph.shape)
    up, right = rows[:, None], columns[None]
    source = [
        jnp.broadcast_to(up / change.height, glyph.shape) + (len(rows) - 1) / 2,
        (right + change.slant * up) / change.width + (len(columns) - 1) / 2,
    ]
    moved = map_coordinates(glyph, source, order=1, mode="constant")
    most, least = _extreme(moved), -_extreme(-moved)
    thicker, thinner = jnp.maximum(change.weight, 0.0), jnp.maximum(-change.weight, 0.0)
    return moved + thicker * (most - moved) - thinner * (moved - least)


def restyle_faces(key: Array, glyphs: Array, faces: Array, num_faces: int) -> Array:
    """Glyphs [N, H, W], changed alike where they are of one face.

    Args:
      key: a PRNG key.
      glyphs: with levels 0 to 1.
      faces: int [N], 0 to ``num_faces`` - 1.
    """
    changes = jax.vmap(draw_restyle)(jax.random.split(key, num_faces))
    return jax.vmap(restyle)(glyphs, jax.tree.map(lambda leaf: leaf[faces], changes))


def with_restyled(faces: np.ndarray, seed: int) -> np.ndarray:
    """Faces [G, L, H, W] and as many of them changed, [2 G, L, H, W]: for methods without steps."""
    keys = jax.random.split(jax.random.key(seed), len(faces))
    one_face = jnp.zeros(faces.shape[1], jnp.int32)
    changed = jax.jit(jax.vmap(lambda key, x: restyle_faces(key, x, one_face, 1)))(keys, faces)
    return np.concatenate([faces, np.asarray(changed)])


def _extreme(glyph: Array) -> Array:
    """The maximum over each pixel's 3 x 3 neighbours; beyond the border there is none."""
    return jax.lax.reduce_window(glyph, -jnp.inf, jax.lax.max, (3, 3), (1, 1), "SAME")
