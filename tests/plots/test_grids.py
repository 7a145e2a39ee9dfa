"""The layout of the figures, read back from their pixels."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.plots import grids
from tests.plots.pictures import read

RNG = np.random.default_rng(0)


def sets(rows, items, side=8):
    return RNG.integers(0, 2, (rows, items, side, side))


def test_a_white_item_has_a_frame_and_a_gap(tmp_path):
    strip = grids._strip(np.ones((2, 8, 8), np.float32), 8)
    scale = 7
    assert strip.shape == (8 * scale + 2, 2 * (8 * scale + 4))
    row = strip[scale]
    np.testing.assert_allclose(row[:3], [1.0, grids.BORDER, 1.0])
    np.testing.assert_allclose(row[-2:], [grids.BORDER, 1.0])


def test_every_item_of_a_grid_is_drawn_once(tmp_path):
    grid = np.zeros((2, 3, 8, 8))
    image = read(grids.draw_sets(tmp_path / "sets.png", grid, title="")).mean(axis=2)
    dark = image < 0.3
    across = np.diff(dark[:, :].any(axis=0).astype(int))
    down = np.diff(dark[:, :].any(axis=1).astype(int))
    assert (across == 1).sum() == 3
    assert (down == 1).sum() == 2


def test_the_gap_between_two_sets_is_wider_than_between_items(tmp_path):
    grid = np.zeros((1, 3, 8, 8))
    path = grids.draw_set_pairs(tmp_path / "pairs.png", grid, grid[:, :2], "given", "generated")
    image = read(path).mean(axis=2)
    dark = np.flatnonzero((image < 0.3)[-60:].any(axis=0))
    gaps = np.diff(dark)
    gaps = gaps[gaps > 1]
    assert len(gaps) == 4
    assert sorted(gaps)[-1] > 4 * sorted(gaps)[-2]


def test_items_in_colour_keep_their_colours_beside_any_number_of_columns(tmp_path):
    colours = np.eye(3, dtype=np.float32)
    columns = [
        (f"c{k}", np.broadcast_to(colour, (2, 2, 8, 8, 3))) for k, colour in enumerate(colours)
    ]
    image = read(grids.draw_set_columns(tmp_path / "columns.png", columns))
    for k, colour in enumerate(colours):
        pixels = (np.abs(image - colour) < 0.02).all(axis=2)
        assert ((np.diff(pixels.any(axis=1).astype(int))) == 1).sum() == 2
        across = np.flatnonzero(np.diff(pixels.any(axis=0).astype(int)) == 1)
        assert len(across) == 2
        third = image.shape[1] / 3
        assert (across // third == k).all()


def test_synthesis_has_a_break_after_the_sources(tmp_path):
    grid = np.zeros((4, 3, 8, 8))
    path = grids.draw_synthesis(
        tmp_path / "s.png", grid[:2], grid[2:], source_labels=["", ""], label=""
    )
    rows = np.flatnonzero((read(path).mean(axis=2) < 0.3).any(axis=1))
    gaps = np.diff(rows)
    gaps = gaps[gaps > 1]
    assert len(gaps) == 3
    assert gaps[1] > 2 * gaps[0]
    assert gaps[0] == pytest.approx(gaps[2], abs=1)


def test_labels_widen_the_figure(tmp_path):
    plain = read(grids.draw_sets(tmp_path / "a.png", sets(2, 3), title="t"))
    labelled = read(
        grids.draw_sets(tmp_path / "b.png", sets(2, 3), title="t", row_labels=["digit", "back"])
    )
    assert labelled.shape[1] > plain.shape[1]
    assert labelled.shape[0] == plain.shape[0]


def test_training_curves_of_the_terms_that_were_recorded(tmp_path):
    records = [{"step": step, "elbo": -90.0 + step, "kl_latent": 3.0} for step in range(30)]
    for contexts in ((), ("digit", "background")):
        image = read(grids.draw_training(tmp_path / "t.png", records, contexts=contexts))
        assert image.std() > 0.01


@pytest.mark.parametrize(
    "draw",
    [
        lambda path: grids.draw_sets(path, np.zeros((3, 8, 8)), title=""),
        lambda path: grids.draw_sets(path, np.zeros((0, 3, 8, 8)), title=""),
        lambda path: grids.draw_sets(path, np.full((1, 1, 8, 8), 2.0), title=""),
        lambda path: grids.draw_sets(path, np.full((1, 1, 8, 8), np.nan), title=""),
        lambda path: grids.draw_sets(path, sets(2, 2), title="", row_labels=["one"]),
        lambda path: grids.draw_set_pairs(path, sets(2, 2), sets(3, 2), "", ""),
        lambda path: grids.draw_set_columns(path, []),
        lambda path: grids.draw_set_columns(
            path, [("", np.zeros((1, 1, 8, 8, 3))), ("", np.zeros((1, 1, 8, 8)))]
        ),
        lambda path: grids.draw_sets(path, np.zeros((1, 1, 8, 8, 2)), title=""),
        lambda path: grids.draw_training(path, [{"step": 1}]),
        lambda path: grids.draw_training(path, []),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_writes_nothing(tmp_path, draw):
    with pytest.raises(InputError) as caught:
        draw(tmp_path / "figure.png")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
