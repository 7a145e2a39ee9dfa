"""Distances between images: known values, and what they must not depend on."""

import numpy as np
import pytest

from cal_jax.metrics.images import mean_absolute_error, root_mean_square_error, similarity

RNG = np.random.default_rng(0)


def test_errors_of_known_differences():
    truth = np.zeros((2, 3, 4, 4))
    found = np.stack([np.full((3, 4, 4), 0.5), np.zeros((3, 4, 4))])
    found[1, 0] = 0.3
    assert root_mean_square_error(found, truth) == pytest.approx([0.5, 0.3 / np.sqrt(3)])
    assert mean_absolute_error(found, truth) == pytest.approx((0.5 + 0.1) / 2)


def test_similarity_is_one_of_an_image_and_itself_and_falls_with_noise():
    truth = RNG.random((3, 32, 32))
    noise = RNG.normal(size=truth.shape)
    assert similarity(truth, truth) == pytest.approx(1.0)
    found = [similarity(np.clip(truth + scale * noise, 0, 1), truth) for scale in (0.1, 0.3)]
    assert 1.0 > found[0] > found[1] > 0.0


def test_similarity_of_flat_images_is_the_luminance_term():
    low, high = np.full((1, 16, 16), 0.2), np.full((1, 16, 16), 0.6)
    want = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert similarity(low, high) == pytest.approx(want)


def test_similarity_is_the_mean_over_images():
    found, truth = RNG.random((2, 4, 20, 20))
    each = [similarity(a[None], b[None]) for a, b in zip(found, truth, strict=True)]
    assert similarity(found, truth) == pytest.approx(np.mean(each))
