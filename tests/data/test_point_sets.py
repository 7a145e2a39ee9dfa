"""Where points of an image lie, how often, and the density that they are drawn from."""

import functools

import jax
import numpy as np
import pytest

from cal_jax.data.point_sets import HALF_WIDTH, draw_points, log_density, point_sets, require_ink
from cal_jax.errors import InputError

HEIGHT, WIDTH = 3, 5


def on_the_host(images, num_points, seed=0):
    return point_sets(np.random.default_rng(seed), images, num_points)


@functools.partial(jax.jit, static_argnums=1)
def drawn(images, num_points, seed=0):
    keys = jax.random.split(jax.random.key(seed), len(images))
    return jax.vmap(functools.partial(draw_points, num_points=num_points))(keys, images)


def on_the_device(images, num_points, seed=0):
    return np.asarray(drawn(images, num_points, seed))


samplers = pytest.mark.parametrize("sample", [on_the_host, on_the_device])


def blank(count=1):
    return np.zeros((count, HEIGHT, WIDTH), np.uint8)


def in_pixels(points):
    """Columns and rows from the left and the top, in pixels."""
    share = (points.astype(float) / HALF_WIDTH + 1) / 2
    return share[..., 0] * WIDTH, (1 - share[..., 1]) * HEIGHT


@samplers
def test_points_lie_in_their_images_own_pixel_uniformly(sample):
    images = blank(HEIGHT * WIDTH)
    rows, columns = np.divmod(np.arange(HEIGHT * WIDTH), WIDTH)
    images[np.arange(len(images)), rows, columns] = 1 + np.arange(len(images))
    points = sample(images, 400)
    assert points.shape == (15, 400, 2) and points.dtype == np.float32
    x, y = in_pixels(points)
    within = np.stack([x - columns[:, None], y - rows[:, None]]).reshape(2, -1)
    assert within.min() > -1e-5 and within.max() < 1 + 1e-5
    np.testing.assert_allclose(within.mean(axis=1), 0.5, atol=0.02)
    np.testing.assert_allclose(np.cov(within), np.eye(2) / 12, atol=0.005)


def test_the_top_left_pixel_is_at_small_x_and_large_y():
    images = blank()
    images[0, 0, 0] = 9
    (points,) = on_the_host(images, 50)
    assert (points[:, 0] < -HALF_WIDTH + 2 * HALF_WIDTH / WIDTH).all()
    assert (points[:, 1] > HALF_WIDTH - 2 * HALF_WIDTH / HEIGHT).all()


@samplers
def test_pixels_are_drawn_in_proportion_to_their_grey(sample):
    images = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH)).astype(np.uint8)
    images[0, 0, :3] = 0, 255, 1
    x, y = in_pixels(sample(images, 20_000))
    pixels = np.floor(y).astype(int) * WIDTH + np.floor(x).astype(int)
    for found, image in zip(pixels, images, strict=True):
        shares = np.bincount(found, minlength=HEIGHT * WIDTH) / len(found)
        np.testing.assert_allclose(shares, image.ravel() / image.sum(dtype=int), atol=0.01)
        assert not shares[image.ravel() == 0].any()


@samplers
def test_the_seed_alone_decides(sample):
    images = np.random.default_rng(1).integers(1, 256, (3, HEIGHT, WIDTH)).astype(np.uint8)
    first, again, other = (sample(images, 10, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any(axis=(1, 2)).all()
    assert not np.allclose(first[0], first[1])


def test_the_density_integrates_to_one_and_is_the_grey_levels():
    images = np.random.default_rng(2).integers(0, 256, (2, HEIGHT, WIDTH)).astype(np.uint8)
    images[0, 0, 0] = 0
    x = HALF_WIDTH * (2 * (np.arange(10 * WIDTH) + 0.5) / (10 * WIDTH) - 1)
    y = HALF_WIDTH * (2 * (np.arange(10 * HEIGHT) + 0.5) / (10 * HEIGHT) - 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(1, -1, 2).repeat(2, axis=0)
    density = np.exp(log_density(grid, images))
    np.testing.assert_allclose(density.mean(axis=1) * (2 * HALF_WIDTH) ** 2, 1, rtol=1e-6)
    columns, rows = (np.floor(value).astype(int) for value in in_pixels(grid[0]))
    for image, found in zip(images, density, strict=True):
        np.testing.assert_allclose(found / found.max(), image[rows, columns] / image.max())


def test_the_density_is_zero_outside_the_image():
    full = np.full((1, HEIGHT, WIDTH), 255, np.uint8)
    outside = HALF_WIDTH * np.array([[[1.01, 0], [-1.01, 0], [0, 1.01], [0, -1.01]]])
    assert (log_density(outside, full) == -np.inf).all()


def test_what_points_cannot_be_drawn_from_is_named():
    images = np.ones((4, HEIGHT, WIDTH), np.uint8)
    require_ink(images)
    images[2] = 0
    with pytest.raises(InputError, match="image 2 is blank"):
        on_the_host(images, 5)
    with pytest.raises(InputError, match=r"images are float64 \[4, 3, 5\]; accepted: uint8"):
        on_the_host(images.astype(float), 5)
    with pytest.raises(InputError, match=r"images are uint8 \[3, 5\]"):
        on_the_host(images[0], 5)
    with pytest.raises(InputError, match="num_points 0; accepted: 1 or more"):
        on_the_host(images[:2], 0)
