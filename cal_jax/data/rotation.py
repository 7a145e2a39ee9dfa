"""Images turned by multiples of 45 degrees (thesis 6.4.2)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

ROTATIONS = 8
"""Turns by 0, 45, ..., 315 degrees, clockwise."""

UPSIDE_DOWN = {0: 0, 1: 1, 6: 9, 8: 8, 9: 6}
"""What a digit looks like when it is turned by 180 degrees, where that is a digit."""

BATCH = 4096


def rotated(images: np.ndarray) -> np.ndarray:
    """Every image at every turn, about its centre.

    Grey levels are interpolated bilinearly and rounded; what comes from outside the
    image is 0. Turns by multiples of 90 degrees are exact.

    Args:
        images: uint8 [M, H, W], H = W.

    Returns:
        uint8 [ROTATIONS, M, H, W]: turn r is by r * 45 degrees clockwise. So an image of
        it is one gather, ``turned[r, m]``, wherever it is needed.
    """
    turned = np.empty((ROTATIONS, *images.shape), np.uint8)
    for turn in range(ROTATIONS):
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            turned[turn, start : start + len(batch)] = np.asarray(_turn(batch, turn))
    return turned


@functools.partial(jax.jit, static_argnums=1)
def _turn(images: jax.Array, turn: int) -> jax.Array:
    """Images [M, H, W] turned clockwise: where each pixel of the result comes from."""
    quarters, rest = divmod(turn, 2)
    images = jnp.rot90(images, -quarters, axes=(1, 2))
    if not rest:
        return images
    centre = (images.shape[-1] - 1) / 2
    down, right = np.meshgrid(*[np.arange(images.shape[-1]) - centre] * 2, indexing="ij")
    # Seen with rows downwards, clockwise takes (right, down) to (right - down, right + down).
    half = np.sqrt(0.5)
    source = [half * (down - right) + centre, half * (down + right) + centre]
    interpolate = functools.partial(
        jax.scipy.ndimage.map_coordinates, coordinates=source, order=1, mode="constant"
    )
    return jnp.rint(jax.vmap(interpolate)(images.astype(jnp.float32))).astype(jnp.uint8)
