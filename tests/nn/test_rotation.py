"""Harmonics rotate images, and what is drawn does not depend on the angle at which it is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.rotation import ROTATIONS, rotated
from cal_jax.nn.rotation import (
    ANGLES,
    circular_moments,
    concentration,
    harmonic_basis,
    rotate,
    rotated_back,
    rotated_image,
)

SIZE = 28


def blobs(count=20):
    """Smooth images in the middle of the frame, uint8 [count, SIZE, SIZE]."""
    rng = np.random.default_rng(0)
    down, right = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    images = np.zeros((count, SIZE, SIZE))
    for _ in range(3):
        at = rng.uniform(-7, 7, (count, 2, 1, 1))
        images += np.exp(-((down - at[:, 0]) ** 2 + (right - at[:, 1]) ** 2) / 8)
    return np.rint(255 * images / images.max()).astype(np.uint8)


def surely(angle):
    """The probabilities of an angle that is known, [1, ANGLES]."""
    return np.eye(ANGLES, dtype=np.float32)[[angle % ANGLES]]


@pytest.mark.parametrize("turns", range(ROTATIONS))
def test_harmonics_rotate_as_images_do(turns):
    images = blobs()
    basis = harmonic_basis(SIZE)
    moments = surely(turns * ANGLES // ROTATIONS) @ circular_moments(basis.orders)
    harmonics = images.reshape(len(images), -1) / 255 @ basis.analysis
    turned = np.asarray(rotate(harmonics, moments) @ basis.pixels).reshape(images.shape)
    expected = rotated(images)[turns] / 255
    assert np.sqrt(np.mean((turned - expected) ** 2)) < 0.05 * np.sqrt(np.mean(expected**2))


def test_a_random_angle_gives_the_mean_of_the_rotated_images():
    basis = harmonic_basis(SIZE)
    harmonics = jax.random.normal(jax.random.key(0), (1, len(basis.pixels)))
    each = [rotate(harmonics, surely(a) @ circular_moments(basis.orders)) for a in (3, 40)]
    both = rotate(
        harmonics, (0.25 * surely(3) + 0.75 * surely(40)) @ circular_moments(basis.orders)
    )
    np.testing.assert_allclose(both, 0.25 * each[0] + 0.75 * each[1], atol=1e-5)


def test_what_is_drawn_is_rotated():
    harmonics = jax.random.normal(jax.random.key(1), (1, len(harmonic_basis(SIZE).pixels)))
    upright, turned = (rotated_image(harmonics, surely(a), SIZE)[0] for a in (5, 21))
    assert ANGLES == 64  # so that 16 of them are a quarter
    np.testing.assert_allclose(turned, jnp.rot90(upright, -1), atol=1e-4)
    assert np.abs(turned - upright).max() > 0.1


def test_an_image_rotated_back_is_the_same_whatever_the_angle():
    harmonics = jax.random.normal(jax.random.key(2), (1, len(harmonic_basis(SIZE).pixels)))
    seen = {angle: rotated_image(harmonics, surely(angle), SIZE) for angle in (0, 7, 50)}
    upright = rotated_back(seen[0], surely(0))
    for angle, image in seen.items():
        np.testing.assert_allclose(rotated_back(image, surely(angle)), upright, atol=1e-3)
    assert np.abs(rotated_back(seen[7], surely(0)) - upright).max() > 0.1


def test_concentration_is_blind_to_which_angle_it_is():
    np.testing.assert_allclose(concentration(surely(9)), 1, atol=1e-5)
    np.testing.assert_allclose(concentration(jnp.full((1, ANGLES), 1 / ANGLES)), 0, atol=1e-5)
    angles = jax.nn.softmax(jax.random.normal(jax.random.key(3), (2, ANGLES)))
    np.testing.assert_allclose(
        concentration(jnp.roll(angles, 5, axis=-1)), concentration(angles), atol=1e-5
    )
    assert np.ptp(concentration(angles), axis=0).max() > 1e-3
