"""Panels of given and drawn points: what is where, read from the artists."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from experiments.spatial_mnist.figures import draw_point_sets

RNG = np.random.default_rng(0)


def boxes_of(figure):
    return np.array([axis.get_position().bounds for axis in figure.axes])


@pytest.mark.parametrize("rows", [1, 5])
def test_each_given_set_stands_left_of_what_is_drawn_given_it(drawn, rows):
    given, samples = RNG.normal(size=(rows, 7, 2)), RNG.normal(size=(rows, 3, 9, 2))
    figure = drawn(draw_point_sets, given, samples, half_width=2.0, least_height=200)
    panels = [axis.collections[0] for axis in figure.axes]
    expected = [points for one, many in zip(given, samples, strict=True) for points in (one, *many)]
    for panel, points in zip(panels, expected, strict=True):
        np.testing.assert_allclose(panel.get_offsets(), points)
    blue, orange = (panels[place].get_facecolor()[0] for place in (0, 1))
    for place, panel in enumerate(panels):
        np.testing.assert_array_equal(panel.get_facecolor()[0], orange if place % 4 else blue)
    assert not np.array_equal(blue, orange)
    lefts = boxes_of(figure)[:, 0].reshape(rows, 4)
    assert (np.diff(lefts, axis=1) > 0).all()


def test_panels_are_square_apart_and_inside_the_figure(drawn):
    given, samples = RNG.normal(size=(5, 7, 2)), RNG.normal(size=(5, 3, 9, 2))
    figure = drawn(draw_point_sets, given, samples, half_width=2.0, least_height=200)
    boxes = boxes_of(figure)
    sides = boxes[:, 2:] * figure.get_size_inches()[None, :]
    np.testing.assert_allclose(sides, sides[0, 0])
    assert boxes[:, :2].min() > 0 and (boxes[:, :2] + boxes[:, 2:]).max() < 1
    near = np.abs(boxes[:, None, :2] - boxes[None, :, :2]) < boxes[0, 2:] - 1e-9
    assert near.all(axis=-1).sum() == len(boxes)  # each overlaps itself alone
    for axis in figure.axes:
        assert axis.get_aspect() == 1
        assert axis.get_xlim() == axis.get_ylim() == (-2, 2)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert [title for title in titles if title] == 2 * ["given", "samples given it"]


@pytest.mark.parametrize(
    ("given", "samples", "half_width", "message"),
    [
        (np.zeros((2, 5, 3)), np.zeros((2, 1, 5, 2)), 1, r"given: .*\[R, N, 2\]"),
        (np.zeros((2, 5, 2)), np.zeros((3, 1, 5, 2)), 1, r"samples: .*\[2, S, N', 2\]"),
        (np.zeros((2, 5, 2)), np.zeros((2, 0, 5, 2)), 1, "samples: .*no axis empty"),
        (np.full((2, 5, 2), np.nan), np.zeros((2, 1, 5, 2)), 1, "given: .*not finite"),
        (np.zeros((2, 5, 2)), np.zeros((2, 1, 5, 2)), 0, "half_width 0; accepted: a positive"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, given, samples, half_width, message):
    with pytest.raises(InputError, match=message):
        draw_point_sets(tmp_path / "points.png", given, samples, half_width=half_width)
    assert not list(tmp_path.iterdir())
