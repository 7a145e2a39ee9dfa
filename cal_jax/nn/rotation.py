"""Rotation of images in a basis of circular harmonics.

A dense decoder trained on a digit at seven of eight rotations does not generalise to the
eighth. A decoder of harmonics does: it draws the upright image, and one context rotates it.

An image about its centre is a sum of rings times circular harmonics,
``sum_{r, m} h_r(rho) (A_rm cos(m phi) + B_rm sin(m phi))``. Rotation by ``theta`` rotates
each pair ``(A_rm, B_rm)`` by ``m theta``; its mean over a random angle also scales the pair:
both are a product with the angle's m-th circular moment. The context therefore parameterises
a distribution over angles. It needs no resampling, and its gradient compares distant angles,
where that of a single angle has local optima.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

ANGLES = 64
"""Number of evenly spaced angles of a context's distribution."""

MOST_HARMONICS = 20
"""Of a ring; inner rings have fewer, two for each pixel of their radius."""

SMALLEST_SINGULAR_VALUE = 1e-3
"""Relative to the largest; smaller ones are dropped from the analysis."""


class HarmonicBasis(NamedTuple):
    """R rings and P harmonics of them, on H W pixels."""

    orders: np.ndarray
    """m of each harmonic, [P]."""
    pixels: np.ndarray
    """What each ring's mean, each cosine and each sine adds to each pixel,
    float32 [R + 2 P, H W]."""
    analysis: np.ndarray
    """From an image to the means, cosines and sines that are closest to it,
    float32 [H W, R + 2 P]."""


def rotated_image(harmonics: Array, angles: Array, image_size: int) -> Array:
    """The mean image [N, H, W] of harmonics [N, R + 2 P] under angle probabilities [N, ANGLES]."""
    basis = harmonic_basis(image_size)
    image = rotate(harmonics, angles @ circular_moments(basis.orders)) @ basis.pixels
    return image.reshape(-1, image_size, image_size)


def rotated_back(x: Array, angles: Array) -> Array:
    """Harmonics [N, R + 2 P] of images x [N, H, W], rotated back by angles [N, ANGLES]."""
    basis = harmonic_basis(x.shape[-1])
    harmonics = x.reshape(x.shape[0], -1) @ basis.analysis
    return rotate(harmonics, angles @ circular_moments(-basis.orders))


def concentration(angles: Array) -> Array:
    """Concentration of angle probabilities [N, ANGLES], rotation-invariant: [N, MOST_HARMONICS].

    The squared lengths of their circular moments: all 1 for a single angle, all 0 for a
    uniform distribution.
    """
    moments = angles @ circular_moments(np.arange(1, MOST_HARMONICS + 1))
    along, across = jnp.split(moments, 2, axis=-1)
    return jnp.square(along) + jnp.square(across)


def rotate(harmonics: Array, moments: Array) -> Array:
    """The mean of images rotated by random angles.

    Args:
      harmonics: [N, R + 2 P], as the rows of ``HarmonicBasis.pixels``.
      moments: [N, 2 P], E cos(m theta) and then E sin(m theta) of each harmonic; a
        positive theta is clockwise.

    Returns:
      [N, R + 2 P].
    """
    pairs = moments.shape[-1] // 2
    rings = harmonics.shape[-1] - 2 * pairs
    means, cosines, sines = jnp.split(harmonics, (rings, rings + pairs), axis=-1)
    along, across = jnp.split(moments, 2, axis=-1)
    return jnp.concatenate(
        [means, cosines * along - sines * across, cosines * across + sines * along], axis=-1
    )


def circular_moments(orders: np.ndarray) -> np.ndarray:
    """cos(m theta) and then sin(m theta) of every angle, float32 [ANGLES, 2 P]."""
    phases = 2 * np.pi / ANGLES * np.arange(ANGLES)[:, None] * orders
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1).astype(np.float32)


@functools.cache
def harmonic_basis(image_size: int) -> HarmonicBasis:
    """Rings one pixel apart, the first half a pixel from the centre, and their harmonics.

    A pixel interpolates between its two rings, and takes the last beyond it. A ring has no
    more harmonics than its pixels resolve: with more, rotations by angles between those of
    the pixels would be wrong.
    """
    rings = image_size // 2
    at = np.arange(image_size) - (image_size - 1) / 2
    down, right = (axis.ravel() for axis in np.meshgrid(at, at, indexing="ij"))
    radius = np.clip(np.hypot(down, right) - 0.5, 0, rings - 1)
    on_ring = np.maximum(0, 1 - np.abs(radius - np.arange(rings)[:, None]))
    counts = np.minimum(MOST_HARMONICS, 2 * np.arange(rings) + 1)
    orders = np.concatenate([np.arange(1, count + 1) for count in counts])
    ring_of = np.repeat(on_ring, counts, axis=0)
    phase = orders[:, None] * np.arctan2(down, right)
    pixels = np.concatenate([on_ring, ring_of * np.cos(phase), ring_of * np.sin(phase)])
    analysis = np.linalg.pinv(pixels, rcond=SMALLEST_SINGULAR_VALUE)
    return HarmonicBasis(orders, pixels.astype(np.float32), analysis.astype(np.float32))
