"""Sprites drawn by code, against shapes drawn slowly with numpy: the share of a pixel inside."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.data.drawn_sprites import (
    AREA,
    FACTORS,
    FIRST,
    SHAPES,
    SIDE,
    SIZES,
    draw,
    drawn_sprites,
    look_alikes,
)
from cal_jax.data.set_samplers import device_sampler

FINE = 6
"""Points of a pixel along a side, of the slow twin."""


@pytest.fixture(name="sprites", scope="module")
def made_sprites():
    return drawn_sprites()


def drawn(*codes):
    return np.asarray(jax.jit(draw)(jnp.asarray(codes, jnp.uint8)))


def inside(shape, u, v):
    """Whether a point lies in the shape of scale 1 at orientation 0 about the origin."""
    if shape == "square":
        return max(abs(u), abs(v)) <= 9
    if shape == "ellipse":
        b = math.sqrt(AREA / 2 / math.pi)
        return (u / (2 * b)) ** 2 + (v / b) ** 2 <= 1
    side = math.sqrt(AREA / (1 + math.pi / 4))
    # Its corners: the tip (0, 0), then along v; the centre of area lies on the diagonal.
    centre = (1 / 2 + (math.pi / 8) * (1 / 2 + (1 + 2 / (3 * math.pi)))) / (1 + math.pi / 4)
    p = (-v + u) / math.sqrt(2) + centre * side
    q = (-v - u) / math.sqrt(2) + centre * side
    in_square = 0 <= p <= side and 0 <= q <= side
    of_disc = min(math.hypot(p - side, q - side / 2), math.hypot(p - side / 2, q - side))
    return in_square or of_disc <= side / 2


def slowly_drawn(shape, scale, orientation, x, y):
    """The share of every pixel that is inside, point by point."""
    image = np.zeros((SIDE, SIDE))
    length, angle = 0.5 + 0.1 * scale, math.radians(9 * orientation)
    for row, column in itertools.product(range(SIDE), repeat=2):
        if math.hypot(column + 0.5 - FIRST - x, row + 0.5 - FIRST - y) > 17 * length:
            continue
        for i, j in itertools.product(range(FINE), repeat=2):
            across = column + (j + 0.5) / FINE - FIRST - x
            down = row + (i + 0.5) / FINE - FIRST - y
            u = (across * math.cos(angle) + down * math.sin(angle)) / length
            v = (down * math.cos(angle) - across * math.sin(angle)) / length
            image[row, column] += inside(SHAPES[shape], u, v) / FINE**2
    return image


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
@pytest.mark.parametrize(("scale", "orientation"), [(5, 0), (2, 3), (0, 27)])
def test_levels_are_the_share_of_a_pixel_inside(shape, scale, orientation):
    codes = (shape, scale, orientation, 4, 29)
    image, slow = drawn(codes)[0], slowly_drawn(*codes)
    assert image.dtype == np.float32 and image.min() == 0 and image.max() == 1
    off = np.abs(image - slow)
    assert off.max() < 0.3, "a ramp of one pixel; a corner's own pixels differ most"
    outline = (slow > 0) & (slow < 1)
    assert off[outline].mean() < 0.07 and off[~outline].max() < 0.15
    assert abs(image.sum() - slow.sum()) < 0.015 * slow.sum()


def test_shapes_of_one_scale_have_one_area():
    every = [(shape, scale, 7, 10, 10) for shape in range(3) for scale in range(6)]
    sums = drawn(*every).sum(axis=(1, 2)).reshape(3, 6)
    areas = AREA * np.linspace(0.5, 1.0, 6) ** 2
    np.testing.assert_allclose(sums, np.broadcast_to(areas, (3, 6)), rtol=0.02)


def test_square_and_ellipse_repeat_and_the_heart_does_not(sprites):
    kinds = look_alikes()
    for shape in range(3):
        images = drawn(*[(shape, 4, turn, 16, 16) for turn in range(40)])
        same = np.abs(images[:, None] - images[None]).max(axis=(2, 3)) < 1e-4
        np.testing.assert_array_equal(same, kinds[shape][:, None] == kinds[shape][None])
    assert [len(set(row)) for row in kinds.tolist()] == [10, 20, 40]
    assert len(np.unique(kinds)) == 70
    np.testing.assert_array_equal(sprites.look_alikes["shape", "orientation"], kinds)


def test_the_heart_is_its_own_mirror_image():
    there, back = drawn((2, 5, 3, 15, 9), (2, 5, 37, 16, 9))
    np.testing.assert_allclose(there, back[:, ::-1], atol=1e-5)


def test_positions_are_whole_pixels_and_centres_are_centres_of_area():
    first, moved = drawn((2, 5, 13, 0, 0), (2, 5, 13, 31, 20))
    np.testing.assert_allclose(np.roll(first, (20, 31), (0, 1)), moved, atol=1e-5)
    for image in drawn(*[(shape, 5, turn, 5, 25) for shape in range(3) for turn in (0, 11)]):
        pixels = np.arange(SIDE) + 0.5
        assert abs(image.sum(axis=0) @ pixels / image.sum() - (FIRST + 5)) < 0.05
        assert abs(image.sum(axis=1) @ pixels / image.sum() - (FIRST + 25)) < 0.05


def test_no_shape_touches_the_edge():
    edges = itertools.product(range(3), [5], range(40), [0, 31], [0, 31])
    images = drawn(*edges)
    border = np.ones((SIDE, SIDE), bool)
    border[1:-1, 1:-1] = False
    assert images[:, border].max() < 0.01


def test_every_combination_is_a_row_of_five_numbers(sprites):
    assert sprites.names == FACTORS and sprites.event_shape == (SIDE, SIDE)
    assert sprites.num_items == math.prod(SIZES) == 737_280
    assert sprites.items.nbytes == 5 * sprites.num_items
    np.testing.assert_array_equal(sprites.items, sprites.table)
    assert tuple(sprites.sizes.values()) == SIZES
    assert sprites.value_names["orientation"][:3] == ("0", "9", "18")


def test_a_sampler_renders_sets_that_share_what_their_mask_says(sprites):
    small = sprites.take(np.random.default_rng(0).permutation(sprites.num_items)[:5000])
    sampler = device_sampler(small, FACTORS, set_size=3, mix=[((0, 0, 0, 1, 0), 1.0)])
    x, a = sampler.one(jax.random.key(0)).data
    assert x.shape == (3, SIDE, SIDE) and a.tolist() == [0, 0, 0, 1, 0]
    middles = np.asarray(x).sum(axis=1) @ (np.arange(SIDE) + 0.5) / np.asarray(x).sum(axis=(1, 2))
    assert np.ptp(middles) < 0.1
