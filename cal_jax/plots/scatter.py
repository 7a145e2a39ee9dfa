"""Scatters of a latent or context space: figures 4.3, 5.3 and 5.4 of the thesis.

Shapes: M points, C the dimension of the context, G grid points an axis. Every function
returns the path of its PNG, written atomically, and raises InputError for
another shape, an empty array or values that are not finite.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.plots import canvas
from cal_jax.plots.canvas import OKABE_ITO, PETROFF, finite_array, marker_style, not_empty

VIEWS = (-60, 30)
"""Azimuths in degrees of the two views of a space of three dimensions, at right angles."""

ELEVATION = 22
LAYERS = 8  # the points of a scatter are drawn in turns, so that no class covers the others


def draw_latent_scatter(path: Path, means: ArrayLike, labels: ArrayLike, *, title: str) -> Path:
    """Posterior means by class, the class's name at its mean coordinate (thesis figure 4.3, left).

    Args:
        path: the PNG to write.
        means: [M, 2], of q(z | x).
        labels: integer [M], the class of every mean, 0 or more.
        title: above the scatter.
    """
    points = finite_array("means", means, "M, 2")
    kinds = _kinds(labels, len(points))
    figure = canvas.figure(7.2, 6.2, "constrained")
    axis = figure.add_subplot()
    names = {int(kind): str(kind) for kind in np.unique(kinds)}
    _scatter(axis, points, kinds, names, PETROFF, s=12, alpha=0.8, lw=0)
    for kind, name in names.items():
        _halo(axis, points[kinds == kind].mean(axis=0), name)
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal", title=title)
    canvas.legend(figure, axis, title="class", alignment="left", markerscale=2)
    return canvas.save(path, figure)


def draw_latent_grid(path: Path, images: ArrayLike, *, span: float, title: str) -> Path:
    """Decoder means over [-span, span]^2 (thesis figure 4.3, right).

    Args:
        path: the PNG to write.
        images: [G, G, H, W] with grey levels 0 (black) to 1 (white), G at least 2;
            ``images[row, column]`` is at z_2 = grid[row] and z_1 = grid[column], the grid
            ascending: row 0 is drawn at the bottom.
        span: the largest coordinate of the grid; thesis: 2.5.
        title: above the grid.
    """
    grid = finite_array("images", images, "G, G, H, W")
    size, columns, height, width = grid.shape
    if size != columns or size < 2:
        raise InputError(f"images: a grid of {size} x {columns}; accepted: G x G, G at least 2")
    if grid.min() < 0 or grid.max() > 1:
        raise InputError("images: grey levels outside [0, 1]; accepted: 0 (black) to 1 (white)")
    if not 0 < span < np.inf:
        raise InputError(f"span {span}; accepted: a positive number")
    mosaic = grid[::-1].transpose(0, 2, 1, 3).reshape(size * height, size * width)
    figure = canvas.figure(7.0, 7.0 * height / width, "constrained")
    axis = figure.add_subplot()
    edge = span * size / (size - 1)  # the outer images are centred on +-span
    extent, aspect = (-edge, edge, -edge, edge), height / width
    axis.imshow(mosaic, cmap="gray", vmin=0, vmax=1, extent=extent, aspect=aspect)
    ticks = np.linspace(-span, span, 5)
    axis.set(xlabel="$z_1$", ylabel="$z_2$", title=title, xticks=ticks, yticks=ticks)
    return canvas.save(path, figure)


def draw_context_scatter(
    path: Path,
    means: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str],
    *,
    title: str,
    legend: str = "family",
) -> Path:
    """Context means by class, from two sides (thesis figure 5.3).

    Args:
        path: the PNG to write.
        means: [M, C], of q(c | D). C = 2 is one flat panel; C above 3 is projected on
            the first three principal components.
        labels: integer [M], the class of every set: an index of `names`.
        names: of the classes.
        title: above the panels.
        legend: what the classes are.
    """
    points, axis_names = _coordinates(means)
    kinds = _kinds(labels, len(points), len(names))
    present = {int(kind): names[kind] for kind in np.unique(kinds)}
    views = VIEWS if points.shape[1] == 3 else VIEWS[:1]
    figure = canvas.figure(5.5 * len(views) + 1.3, 4.7, "constrained")
    figure.suptitle(title)
    for place, azimuth in enumerate(views, 1):
        axis = _space(figure, (1, len(views), place), axis_names, azimuth)
        _scatter(axis, points, kinds, present, OKABE_ITO, s=20, alpha=0.8, lw=0, **_depth(points))
    canvas.legend(figure, axis, title=legend, alignment="left", markerscale=1.6)
    return canvas.save(path, figure)


def draw_context_moments(
    path: Path,
    means: ArrayLike,
    moments: Mapping[str, ArrayLike],
    labels: ArrayLike | None = None,
    *,
    title: str,
) -> Path:
    """Context means coloured by the moments of their sets, a panel each (thesis figure 5.4).

    Args:
        path: the PNG to write.
        means: [M, C], as in ``draw_context_scatter``.
        moments: [M] for each name, such as the mean and the variance of every set.
        labels: integer [M], 0 or more: a family's markers as in ``draw_context_scatter``;
            without it all are circles.
        title: above the panels.
    """
    points, axis_names = _coordinates(means)
    kinds = np.zeros(len(points), int) if labels is None else _kinds(labels, len(points))
    values = {
        name: finite_array(f"moments[{name!r}]", moment, str(len(points)))
        for name, moment in not_empty("moments", moments).items()
    }
    figure = canvas.figure(6.3 * len(values), 4.7, "constrained")
    figure.suptitle(title)
    for place, (name, moment) in enumerate(values.items(), 1):
        axis = _space(figure, (1, len(values), place), axis_names, VIEWS[0])
        scale = {"vmin": moment.min(), "vmax": moment.max(), "cmap": "viridis"}
        style = {"s": 20, "lw": 0, **scale, **_depth(points)}
        for kind in np.unique(kinds):
            _, marker = marker_style(int(kind), OKABE_ITO)
            chosen = kinds == kind
            drawn = axis.scatter(*points[chosen].T, c=moment[chosen], marker=marker, **style)
        figure.colorbar(drawn, ax=axis, shrink=0.75, pad=0.04 * points.shape[1] - 0.04, label=name)
    return canvas.save(path, figure)


def _kinds(labels: ArrayLike, points: int, names: int | None = None) -> np.ndarray:
    kinds = np.asarray(labels)
    if kinds.shape != (points,) or kinds.dtype.kind not in "iu":
        raise InputError(
            f"labels: {kinds.dtype} of shape {kinds.shape}; accepted: integers [{points}]"
        )
    if kinds.min() < 0 or (names is not None and kinds.max() >= names):
        wanted = "0 or more" if names is None else f"0 to {names - 1}, one a name"
        raise InputError(f"labels: from {kinds.min()} to {kinds.max()}; accepted: {wanted}")
    return kinds


def _coordinates(means: ArrayLike) -> tuple[np.ndarray, list[str]]:
    """The points [M, 2 or 3] to draw, and the names of their axes."""
    points = finite_array("means", means, "M, C")
    dimension = points.shape[1]
    if dimension < 2:
        raise InputError(f"means: shape {points.shape}; accepted: [M, C], C at least 2")
    if dimension <= 3:
        return points, [f"$c_{axis + 1}$" for axis in range(dimension)]
    centred = points - points.mean(axis=0)
    directions, spectrum, _ = np.linalg.svd(centred.T @ centred, hermitian=True)
    share = 100 * spectrum[:3] / max(spectrum.sum(), np.finfo(float).tiny)
    names = [f"PC {axis + 1} ({percent:.0f}%)" for axis, percent in enumerate(share)]
    return centred @ directions[:, :3], names


def _space(figure: Any, place: tuple[int, int, int], names: Sequence[str], azimuth: float) -> Any:
    """A panel of as many dimensions as it has names."""
    if len(names) == 2:
        axis = figure.add_subplot(*place)
        axis.set(xlabel=names[0], ylabel=names[1], aspect="equal")
        return axis
    axis = figure.add_subplot(*place, projection="3d")
    axis.view_init(ELEVATION, azimuth)
    axis.locator_params(nbins=5)
    axis.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    return axis


def _scatter(
    axis: Any,
    points: np.ndarray,
    kinds: np.ndarray,
    names: Mapping[int, str],
    colours: tuple[str, ...],
    **style: Any,
) -> None:
    layers = np.arange(len(points)) % LAYERS
    for layer in range(LAYERS):
        for kind, name in names.items():
            chosen = points[(kinds == kind) & (layers == layer)]
            colour, marker = marker_style(kind, colours)
            label = name if layer == 0 else None
            axis.scatter(*chosen.T, color=colour, marker=marker, label=label, **style)


def _depth(points: np.ndarray) -> dict[str, bool]:
    """Points of three dimensions keep their colour: shading would be relative to a class."""
    return {"depthshade": False} if points.shape[1] == 3 else {}


def _halo(axis: Any, place: np.ndarray, text: str) -> None:
    from matplotlib.patheffects import withStroke

    axis.annotate(
        text,
        place,
        fontsize=17,
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=4, foreground="white")],
    )
