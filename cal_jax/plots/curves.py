"""Curves of a score, and histograms of samples.

Shapes: X points of a curve, R samples. Every function returns the path of its PNG,
written atomically, and raises InputError for another shape, an empty array
or values that are not finite.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.plots import canvas
from cal_jax.plots.canvas import OKABE_ITO, finite_array, marker_style, not_empty

BINS = 30

_DASHES = ("-", "--", "-.", ":")
_REFERENCE_DASHES = ((0, (6, 3)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (8, 2, 2, 2, 2, 2)))


def draw_curve(
    path: Path,
    xs: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    log_x: bool = False,
    ceilings: Mapping[str, ArrayLike] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Path:
    """A line a name, such as a score against the size of a set.

    Args:
        path: the PNG to write.
        xs: [X].
        curves: [X] for each name.
        xlabel: with the unit.
        ylabel: with the unit.
        title: above the lines.
        log_x: a logarithmic axis with ticks at those of `xs` (positive) that do not overlap.
        ceilings: [X] for names of `curves`: what could be reached, dashed in the same colour.
        reference: heights of horizontal dashed lines.
    """
    places = finite_array("xs", xs, "X")
    if log_x and places.min() <= 0:
        raise InputError("xs: not all positive; accepted with log_x: positive numbers")
    lines = {
        name: finite_array(f"curves[{name!r}]", curve, str(len(places)))
        for name, curve in not_empty("curves", curves).items()
    }
    above = {
        name: finite_array(f"ceilings[{name!r}]", line, str(len(places)))
        for name, line in (ceilings or {}).items()
    }
    if unknown := sorted(set(above) - set(lines)):
        raise InputError(f"ceilings of curves that are not there: {', '.join(unknown)}")
    figure = canvas.figure(8.0, 4.4, "constrained")
    axis = figure.add_subplot()
    for index, (name, line) in enumerate(lines.items()):
        colour, marker = marker_style(index, OKABE_ITO[:-1])  # yellow is too pale for a line
        style = {"color": colour, "marker": marker, "ms": 5, "lw": 1.6}
        dash = "-" if above else _DASHES[index % len(_DASHES)]
        axis.plot(places, line, dash, label=name, **style)
        if name in above:
            axis.plot(places, above[name], "--", label=f"{name}: ceiling", mfc="none", **style)
    for index, (name, height) in enumerate((reference or {}).items()):
        level = float(finite_array(f"reference[{name!r}]", [height], "1")[0])
        dashes = _REFERENCE_DASHES[index % len(_REFERENCE_DASHES)]
        axis.axhline(level, color="0.35", ls=dashes, lw=1.2, label=name, zorder=1)
    if log_x:
        axis.set_xscale("log")
        ticks = _apart(places)
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_xticks([], minor=True)
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    canvas.lighten(axis)
    canvas.legend(figure, axis)
    return canvas.save(path, figure)


def draw_sample_densities(path: Path, panels: Sequence[tuple[str, ArrayLike, ArrayLike]]) -> Path:
    """Histograms of sets of numbers and of the model's samples given them, a panel a set.

    Args:
        path: the PNG to write.
        panels: title, the set [R], the samples [R']. Both histograms of a panel have the
            same bins and integrate to one.
    """
    if not panels:
        raise InputError("panels: none; accepted: 1 or more")
    checked = [
        (
            title,
            finite_array(f"panels[{index}]: the set", real, "R"),
            finite_array(f"panels[{index}]: the samples", model, "R'"),
        )
        for index, (title, real, model) in enumerate(panels)
    ]
    rows = -(-len(checked) // 4)
    columns = -(-len(checked) // rows)
    figure = canvas.figure(max(2.9 * columns, 4.0), 2.5 * rows + 0.5, "constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, real, model) in zip(axes, checked, strict=False):
        edges = np.histogram_bin_edges(np.concatenate([real, model]), BINS)
        axis.hist(real, edges, density=True, color=OKABE_ITO[5], alpha=0.6, label="given set")
        axis.hist(
            model, edges, density=True, histtype="step", color=OKABE_ITO[1], lw=1.6, label="model"
        )
        axis.set_title(title, loc="left", fontsize=10)
        canvas.lighten(axis)
    for axis in axes[::columns]:
        axis.set_ylabel("density")
    for axis in axes[len(checked) :]:
        axis.set_visible(False)
    canvas.legend(figure, axes[0], loc="outside lower center", ncols=2)
    return canvas.save(path, figure)


def _apart(places: np.ndarray) -> list[float]:
    """Those of `places` that are far enough from each other for a label, in logarithms."""
    least = 0.04 * np.log(places.max() / places.min())
    apart: list[float] = []
    for place in np.unique(places):
        if not apart or np.log(place / apart[-1]) >= least:
            apart.append(float(place))
    return apart
