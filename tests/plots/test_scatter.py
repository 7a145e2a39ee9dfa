"""Scatters and grids: what is drawn where, read from artists and pixels."""

import numpy as np
import pytest

from cal_jax.plots import canvas, scatter
from tests.plots.pictures import read

RNG = np.random.default_rng(0)
NAMES = ("exponential", "Gaussian", "uniform", "Laplace")


def points_of(axis, label_colour):
    """The coordinates of all the markers of one colour, sorted."""
    from matplotlib.colors import to_rgb

    found = []
    for artist in axis.collections:
        if to_rgb(artist.get_facecolor()[0]) == to_rgb(label_colour):
            space = getattr(artist, "_offsets3d", None)
            found.append(np.transpose(space) if space is not None else artist.get_offsets())
    return sorted(map(tuple, np.concatenate(found)))


def rows_of(points):
    return sorted(map(tuple, points))


def test_latent_means_are_at_their_place_in_the_colour_of_their_class(drawn):
    labels = np.repeat([0, 3, 9], 20)
    means = RNG.normal(size=(60, 2)) + 5 * np.stack([labels == 3, labels == 9], axis=1)
    figure = drawn(scatter.draw_latent_scatter, means, labels, title="Means")
    axis = figure.axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("$z_1$", "$z_2$")
    assert axis.get_aspect() == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "3", "9"]
    assert {text.get_text() for text in axis.texts} == {"0", "3", "9"}
    for text in axis.texts:
        kind = int(text.get_text())
        own = means[labels == kind]
        np.testing.assert_allclose(text.xy, own.mean(axis=0))
        assert points_of(axis, canvas.PETROFF[kind]) == rows_of(own)


def test_no_two_of_many_classes_look_alike():
    for colours in (canvas.OKABE_ITO, canvas.PETROFF):
        styles = [canvas.marker_style(kind, colours) for kind in range(60)]
        assert len(set(styles)) == 60
        first = styles[: len(colours)]
        assert (
            len({colour for colour, _ in first})
            == len({marker for _, marker in first})
            == len(colours)
        )


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 4), (3, 1)])
def test_the_first_row_of_the_latent_grid_is_at_the_bottom(tmp_path, row, column):
    images = np.zeros((5, 5, 8, 6))
    images[row, column, 0, :] = 0.7  # a grey bar along the top of one image
    path = scatter.draw_latent_grid(tmp_path / "grid.png", images, span=2.5, title="")
    image = read(path)
    black = image.max(axis=2) < 0.05
    tall = np.flatnonzero(black.mean(axis=1) > 0.5)
    wide = np.flatnonzero(black.mean(axis=0) > 0.5)
    grid = image[tall[0] : tall[-1] + 1, wide[0] : wide[-1] + 1].mean(axis=2)
    down, across = np.nonzero(np.abs(grid - 0.7) < 0.05)
    assert 5 * across.mean() / grid.shape[1] == pytest.approx(column + 0.5, abs=0.1)
    top_of_image = 4 - row + 0.5 / 8
    assert 5 * down.mean() / grid.shape[0] == pytest.approx(top_of_image, abs=0.06)


def test_the_latent_grid_is_centred_on_its_coordinates(drawn):
    figure = drawn(scatter.draw_latent_grid, np.zeros((5, 5, 8, 6)), span=2.0, title="Grid")
    axis = figure.axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("$z_1$", "$z_2$")
    assert axis.images[0].get_extent() == [-2.5, 2.5, -2.5, 2.5]  # 5 images of side 1
    np.testing.assert_allclose(axis.get_yticks(), [-2, -1, 0, 1, 2])
    assert axis.get_aspect() == pytest.approx(8 / 6)


def test_contexts_are_at_their_place_from_two_sides(drawn):
    means, labels = RNG.normal(size=(40, 3)) * [1, 2, 4], RNG.integers(0, 4, 40)
    figure = drawn(scatter.draw_context_scatter, means, labels, NAMES, title="Contexts")
    first, second = figure.axes
    assert (second.azim - first.azim) % 180 == 90
    for axis in (first, second):
        assert [axis.get_xlabel(), axis.get_ylabel(), axis.get_zlabel()] == [
            "$c_1$",
            "$c_2$",
            "$c_3$",
        ]
        for kind in range(4):
            assert points_of(axis, canvas.OKABE_ITO[kind]) == rows_of(means[labels == kind])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(NAMES)


def test_a_family_without_sets_keeps_the_colours_of_the_others(drawn):
    means = RNG.normal(size=(3, 3))
    figure = drawn(scatter.draw_context_scatter, means, np.full(3, 2), NAMES, title="")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["uniform"]
    assert points_of(figure.axes[0], canvas.OKABE_ITO[2]) == rows_of(means)


def test_contexts_of_two_dimensions_are_flat(drawn):
    means = RNG.normal(size=(10, 2))
    figure = drawn(scatter.draw_context_scatter, means, np.zeros(10, int), NAMES, title="")
    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("$c_1$", "$c_2$")
    assert points_of(axis, canvas.OKABE_ITO[0]) == rows_of(means)


def test_contexts_of_more_dimensions_are_projected_on_their_principal_components(drawn):
    hidden = RNG.normal(size=(50, 3)) * [1.0, 5.0, 3.0]
    directions, _ = np.linalg.qr(RNG.normal(size=(6, 6)))
    means = hidden @ directions[:3] + 7.0
    figure = drawn(scatter.draw_context_scatter, means, np.zeros(50, int), NAMES, title="")
    axis = figure.axes[0]
    points = np.array(points_of(axis, canvas.OKABE_ITO[0]))
    spread = np.linalg.svd(hidden - hidden.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), spread)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-9)
    shares = np.round(100 * spread**2 / (spread**2).sum())
    assert [axis.get_xlabel(), axis.get_ylabel(), axis.get_zlabel()] == [
        f"PC {number} ({share:.0f}%)" for number, share in enumerate(shares, 1)
    ]


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_every_moment_colours_its_own_panel_by_its_own_values(drawn, dimension):
    means, labels = RNG.normal(size=(30, dimension)), np.repeat([0, 1, 2], 10)
    moments = {"mean": RNG.normal(size=30), "variance": RNG.uniform(1, 4, 30)}
    figure = drawn(scatter.draw_context_moments, means, moments, labels, title="Moments")
    panels, bars = figure.axes[:4:2], figure.axes[1:4:2]
    for axis, bar, (name, moment) in zip(panels, bars, moments.items(), strict=True):
        assert bar.get_ylabel() == name
        for kind, artist in enumerate(axis.collections):
            np.testing.assert_allclose(artist.get_array(), moment[labels == kind])
            assert artist.get_clim() == (moment.min(), moment.max())
            assert artist.get_cmap().name == "viridis"
            if dimension == 2:
                np.testing.assert_allclose(artist.get_offsets(), means[labels == kind])


def test_a_moment_that_is_the_same_everywhere_can_be_drawn(drawn):
    figure = drawn(scatter.draw_context_moments, np.eye(3), {"mean": np.ones(3)}, title="")
    assert len(figure.axes[0].collections) == 1


TWO, THREE = np.zeros((4, 2)), np.zeros((4, 3))
LABELS = np.zeros(4, int)


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [
        ("latent_scatter", (THREE, LABELS), {"title": ""}, r"means: shape \(4, 3\).*\[M, 2\]"),
        ("latent_scatter", (TWO[:0], LABELS[:0]), {"title": ""}, "no axis empty"),
        ("latent_scatter", (TWO * np.nan, LABELS), {"title": ""}, "means: .*not finite"),
        ("latent_scatter", (TWO, LABELS[:3]), {"title": ""}, r"labels: .*integers \[4\]"),
        ("latent_scatter", (TWO, LABELS * 0.5), {"title": ""}, "labels: float64"),
        ("latent_scatter", (TWO, LABELS - 1), {"title": ""}, "labels: from -1.*0 or more"),
        ("latent_scatter", ("means", LABELS), {"title": ""}, "means: not an array of numbers"),
        ("latent_grid", (np.zeros((2, 3, 4, 4)),), {"span": 1, "title": ""}, "grid of 2 x 3"),
        ("latent_grid", (np.zeros((1, 1, 4, 4)),), {"span": 1, "title": ""}, "G at least 2"),
        ("latent_grid", (np.zeros((4, 4, 4)),), {"span": 1, "title": ""}, r"\[G, G, H, W\]"),
        ("latent_grid", (np.full((2, 2, 4, 4), 2.0),), {"span": 1, "title": ""}, "grey levels"),
        ("latent_grid", (np.full((2, 2, 4, 4), np.inf),), {"span": 1, "title": ""}, "finite"),
        ("latent_grid", (np.zeros((2, 2, 4, 4)),), {"span": 0, "title": ""}, "span 0"),
        ("latent_grid", (np.zeros((2, 2, 4, 4)),), {"span": np.nan, "title": ""}, "span nan"),
        ("context_scatter", (THREE[:, :1], LABELS, NAMES), {"title": ""}, "C at least 2"),
        ("context_scatter", (THREE, LABELS + 4, NAMES), {"title": ""}, "0 to 3, one a name"),
        ("context_scatter", (THREE, LABELS[:2], NAMES), {"title": ""}, "labels: int"),
        ("context_scatter", (THREE + np.inf, LABELS, NAMES), {"title": ""}, "finite"),
        ("context_moments", (THREE, {}), {"title": ""}, "moments: none"),
        ("context_moments", (THREE, {"a\nb": LABELS[:2]}), {"title": ""}, r"moments\['a\\nb'\]"),
        ("context_moments", (THREE, {"mean": np.full(4, np.nan)}), {"title": ""}, "finite"),
        ("context_moments", (THREE, {"mean": LABELS}, LABELS[:1]), {"title": ""}, "labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_writes_nothing(
    refused, name, arguments, options, message
):
    refused(getattr(scatter, f"draw_{name}"), *arguments, match=message, **options)
