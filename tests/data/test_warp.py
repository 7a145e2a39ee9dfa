"""Random warps: the identity, the parts of an affine map, what images of a set share."""

import jax
import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.warp import WarpRange, mapped_points, pixel_grid, rendering, warp_images, warped
from cal_jax.errors import InputError

KEY = jax.random.key(3)
IMAGES = np.random.default_rng(0).random((4, 9, 9)).astype(np.float32)
STILL = WarpRange()
mapped = jax.jit(mapped_points, static_argnums=(2, 3))
warp = jax.jit(warp_images, static_argnums=(2, 3))
WIDE = WarpRange(degrees=30, stretch=0.3, shear=0.3, shift=0.1, elastic=0.03)


def test_no_warp_is_the_identity():
    np.testing.assert_allclose(warp(KEY, IMAGES, STILL, STILL), IMAGES, atol=1e-5)


def test_images_share_the_one_warp_and_have_one_each_of_the_other():
    same = np.broadcast_to(IMAGES[:1], IMAGES.shape)
    shared = np.asarray(warp(KEY, same, WIDE, STILL))
    np.testing.assert_allclose(shared, np.broadcast_to(shared[:1], shared.shape), atol=1e-6)
    assert np.abs(shared[0] - same[0]).max() > 0.1
    own = np.asarray(warp(KEY, same, STILL, WIDE))
    assert min(np.abs(own[0] - other).max() for other in own[1:]) > 0.1
    again = np.asarray(warp(jax.random.key(4), same, WIDE, STILL))
    assert np.abs(again - shared).max() > 0.1


@pytest.mark.parametrize("name", ["degrees", "stretch", "shear", "shift"])
def test_each_map_is_of_its_kind(name):
    limit = {"degrees": 40.0, "stretch": 0.5, "shear": 0.5, "shift": 0.2}[name]
    grid = pixel_grid(5, 5)
    points = np.asarray(mapped(KEY, grid[None], WarpRange(**{name: limit}), 50))
    grid = np.asarray(grid)
    across, down = points[:, 2, 3] - points[:, 2, 2], points[:, 3, 2] - points[:, 2, 2]
    step = 2 / 5
    if name == "degrees":
        np.testing.assert_allclose(
            np.linalg.norm(points, axis=-1),
            np.tile(np.linalg.norm(grid, axis=-1), (50, 1, 1)),
            atol=1e-5,
        )
        angle = np.rad2deg(np.arctan2(-across[:, 0], across[:, 1]))
        assert 30 < np.abs(angle).max() <= 40
    elif name == "stretch":
        factors = np.log(np.stack([down[:, 0], across[:, 1]], 1) / step)
        assert 0.4 < np.abs(factors).max() <= 0.5 + 1e-5
        np.testing.assert_allclose(np.stack([down[:, 1], across[:, 0]]), 0, atol=1e-6)
        assert np.abs(factors[:, 0] - factors[:, 1]).max() > 0.2
    elif name == "shear":
        np.testing.assert_allclose(points[..., 0], np.tile(grid[..., 0], (50, 1, 1)), atol=1e-5)
        assert 0.4 < np.abs(down[:, 1] / step).max() <= 0.5 + 1e-5
    else:
        away = points - grid[None]
        np.testing.assert_allclose(away, np.broadcast_to(away[:, :1, :1], away.shape), atol=1e-5)
        assert 0.3 < np.abs(away).max() <= 0.4 + 1e-5  # 0.2 of a side of length 2


def test_displacements_have_their_scale_and_are_smooth():
    grid = pixel_grid(16, 16)[None]
    points = mapped(KEY, grid, WarpRange(elastic=0.05), 400)
    away = np.asarray(points - np.broadcast_to(grid, points.shape)) / 2
    # The first pixel is 3/32 of the way from one displaced point to the next, in each direction.
    weight = (29 / 32) ** 2 + (3 / 32) ** 2
    assert away[:, 0, 0].std() == pytest.approx(0.05 * weight, rel=0.1)
    assert np.abs(np.diff(away, axis=1)).max() < 0.1


def test_a_shift_of_whole_pixels_moves_ink_and_leaves_paper():
    grid = np.asarray(pixel_grid(9, 9))[None]
    moved = np.asarray(warped(IMAGES[:1], np.asarray(grid + np.array([2 / 9, 0.0]), np.float32)))
    np.testing.assert_allclose(moved[0, :-1], IMAGES[0, 1:], atol=1e-5)
    np.testing.assert_allclose(moved[0, -1], 0, atol=1e-5)


def test_a_data_set_is_rendered_under_warps():
    data = FactorDataset(IMAGES, {"letter": [0, 0, 1, 1]}, render=rendering(WIDE, STILL))
    assert data.event_shape == (9, 9)
    x = jax.jit(data.show(["letter"]))(IMAGES, np.zeros((4, 1), np.int32), KEY)
    np.testing.assert_allclose(x, warp(KEY, IMAGES, WIDE, STILL), atol=1e-6)


def test_negative_ranges_are_refused():
    with pytest.raises(InputError, match="shear must be at least 0"):
        WarpRange(shear=-0.1)
