"""Turning images: what one shows is drawn upright, and one context turns it.

A dense decoder that has drawn a digit at seven of eight rotations does not draw it at
the eighth. Here, what is learned of a digit holds at every angle.

An image about its centre is a sum of rings times circular harmonics,
``sum_{r, m} h_r(rho) (A_rm cos(m phi) + B_rm sin(m phi))``. A turn by ``theta`` turns
each pair ``(A_rm, B_rm)`` by ``m theta``; averaged over a random angle, it also scales it:
both are a product with the angle's m-th circular moment. So the context gives
probabilities of angles. Nothing is resampled, and angles far from each other compete,
where the gradient of a single angle would be caught between two of them.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

ANGLES = 64
"""Between which a context decides, evenly spaced."""

MOST_HARMONICS = 20
"""Of a ring; inner rings have fewer, two for each pixel of their radius."""

SMALLEST_SINGULAR_VALUE = 1e-3
"""Relative to the largest; what a basis sees less well is not read from an image."""


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


def turned_image(harmonics: Array, angles: Array, image_size: int) -> Array:
    """The image of harmonics [N, R + 2 P], turned by probable angles [N, ANGLES]: [N, H, W]."""
    basis = harmonic_basis(image_size)
    image = turn(harmonics, angles @ circular_moments(basis.orders)) @ basis.pixels
    return image.reshape(-1, image_size, image_size)


def turned_back(x: Array, angles: Array) -> Array:
    """The harmonics [N, R + 2 P] of images x [N, H, W] once the angles [N, ANGLES] are undone."""
    basis = harmonic_basis(x.shape[-1])
    harmonics = x.reshape(x.shape[0], -1) @ basis.analysis
    return turn(harmonics, angles @ circular_moments(-basis.orders))


def concentration(angles: Array) -> Array:
    """How sure probable angles [N, ANGLES] are, whichever they are: [N, MOST_HARMONICS].

    The squared lengths of their circular moments: all 1 for one angle, all 0 for angles
    that are equally probable, the same after a turn by any of them.
    """
    moments = angles @ circular_moments(np.arange(1, MOST_HARMONICS + 1))
    along, across = jnp.split(moments, 2, axis=-1)
    return jnp.square(along) + jnp.square(across)


def turn(harmonics: Array, moments: Array) -> Array:
    """Images turned by random angles, on average.

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

    Between two rings a pixel takes from both, beyond the last from the last. A ring has
    no more harmonics than its pixels tell apart: with more, an image turned by an angle
    between those of the pixels is not the image turned.
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
