"""Images rotated by multiples of 45 degrees (thesis 6.4.2)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

ROTATIONS = 8
"""Rotations by 0, 45, ..., 315 degrees, clockwise."""

UPSIDE_DOWN = {0: 0, 1: 1, 6: 9, 8: 8, 9: 6}
"""The digit that a digit resembles after rotation by 180 degrees, if any."""

BATCH = 4096


def rotated(images: np.ndarray) -> np.ndarray:
    """Rotate every image about its centre by every multiple of 45 degrees.

    Grey levels are interpolated bilinearly and rounded; pixels from outside the
    image are 0. Rotations by multiples of 90 degrees are exact.

    Args:
        images: uint8 [M, H, W], H = W.

    Returns:
        uint8 [ROTATIONS, M, H, W]: rotation r is by r * 45 degrees clockwise, so that an
        image is one gather, ``turned[r, m]``.
    """
    turned = np.empty((ROTATIONS, *images.shape), np.uint8)
    for turn in range(ROTATIONS):
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            turned[turn, start : start + len(batch)] = np.asarray(_turn(batch, turn))
    return turned


def interpolated(images: np.ndarray, degrees: float) -> np.ndarray:
    """Images rotated by an angle and back: the same content with interpolation blur.

    Args:
        images: uint8 [M, H, W], H = W.
        degrees: of both rotations; grey levels are rounded after the second.

    Returns:
        uint8 [M, H, W].
    """
    there_and_back = [
        np.asarray(_there_and_back(images[start : start + BATCH], degrees))
        for start in range(0, len(images), BATCH)
    ]
    return np.concatenate(there_and_back)


@functools.partial(jax.jit, static_argnums=1)
def _turn(images: jax.Array, turn: int) -> jax.Array:
    """Source coordinates of each pixel of images [M, H, W] rotated clockwise."""
    quarters, rest = divmod(turn, 2)
    images = jnp.rot90(images, -quarters, axes=(1, 2))
    return _rounded(_turned(images, np.sqrt(0.5), np.sqrt(0.5))) if rest else images


@functools.partial(jax.jit, static_argnums=1)
def _there_and_back(images: jax.Array, degrees: float) -> jax.Array:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return _rounded(_turned(_turned(images, cosine, sine), cosine, -sine))


def _turned(images: jax.Array, cosine: float, sine: float) -> jax.Array:
    """Images [M, H, W] rotated clockwise, float32, bilinear; 0 from outside."""
    centre = (images.shape[-1] - 1) / 2
    down, right = np.meshgrid(*[np.arange(images.shape[-1]) - centre] * 2, indexing="ij")
    # With rows downwards, rotation by 45 degrees maps (right, down) to multiples of
    # (right - down, right + down).
    source = [cosine * down - sine * right + centre, cosine * right + sine * down + centre]
    interpolate = functools.partial(
        jax.scipy.ndimage.map_coordinates, coordinates=source, order=1, mode="constant"
    )
    return jax.vmap(interpolate)(images.astype(jnp.float32))


def _rounded(images: jax.Array) -> jax.Array:
    return jnp.rint(images).astype(jnp.uint8)
