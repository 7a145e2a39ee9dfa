"""Turned images: direction, exact quarter turns, what is lost at the corners."""

import numpy as np
from scipy import ndimage

from cal_jax.data.rotation import ROTATIONS, interpolated, rotated


def test_turns_are_clockwise_in_steps_of_45_degrees():
    """A bar from the centre upwards points up, then to the upper right, right, and so on."""
    image = np.zeros((1, 9, 9), np.uint8)
    image[0, 1:4, 4] = 200
    up, right = np.array([-1, 0]), np.array([0, 1])
    for turn, picture in enumerate(rotated(image)[:, 0]):
        rows, columns = np.nonzero(picture)
        towards = np.average([rows, columns], axis=1, weights=picture[rows, columns]) - 4
        angle = np.degrees(np.arctan2(towards @ right, towards @ up)) % 360
        assert abs(angle - 45 * turn) < 1, (turn, angle)


def test_quarter_turns_are_exact_and_no_turn_is_the_image():
    images = np.random.default_rng(0).integers(256, size=(3, 8, 8), dtype=np.uint8)
    turned = rotated(images)
    assert turned.dtype == np.uint8 and turned.shape == (ROTATIONS, 3, 8, 8)
    for quarter in range(4):
        np.testing.assert_array_equal(turned[2 * quarter], np.rot90(images, -quarter, axes=(1, 2)))


def test_half_quarters_are_bilinear_with_zeros_outside():
    images = np.random.default_rng(1).integers(256, size=(2, 8, 8), dtype=np.uint8)
    for turn in (1, 3, 5, 7):
        for image, found in zip(images, rotated(images)[turn], strict=True):
            want = ndimage.rotate(
                image.astype(float), -45 * turn, reshape=False, order=1, mode="grid-constant"
            )
            assert np.abs(found.astype(float) - want).max() < 0.51


def test_more_images_than_one_batch_are_all_turned(monkeypatch):
    monkeypatch.setattr("cal_jax.data.rotation.BATCH", 2)
    images = np.random.default_rng(2).integers(256, size=(5, 4, 4), dtype=np.uint8)
    turned = rotated(images)
    for image, found in zip(images, np.moveaxis(turned, 1, 0), strict=True):
        np.testing.assert_array_equal(found, rotated(image[None])[:, 0])


def test_a_turn_there_and_back_keeps_what_is_shown_and_loses_crispness():
    image = np.zeros((3, 15, 15), np.uint8)
    image[:, 4:11, 6:9] = 255
    image[1] = 0
    image[2, 5, 3:8] = 255
    again = interpolated(image, 22.5)
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again[1], 0)
    assert np.abs(again.astype(int) - image).max() > 20
    of_another = np.abs(again.astype(int) - np.rot90(image, axes=(1, 2))).sum()
    assert np.abs(again.astype(int) - image).sum() < 0.5 * of_another
    for shown, found in zip(image[[0, 2]].astype(float), again[[0, 2]].astype(float), strict=True):
        centres = [np.array(ndimage.center_of_mass(each)) for each in (shown, found)]
        np.testing.assert_allclose(*centres, atol=0.1)
