"""The figures of a run: grids of sets, and the terms of the bound against the step.

Shapes: R rows, N items in a set, items [*X] with levels 0 to 1: grey [H, W], black to white,
or colour [H, W, 3].
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.plots import canvas

INCHES_PER_ITEM = 0.42
LARGEST_WIDTH = 10.0
BORDER = 0.55  # grey level of the frame, seen against black and white items alike
PANELS = (
    ("elbo", "ELBO", "#000000"),
    ("reconstruction", "reconstruction log p(x | z)", "#0072B2"),
    ("kl_latent", "KL of z", "#D55E00"),
    ("kl_varying", "KL of varying contexts", "#009E73"),
    ("kl_constant", "KL of constant contexts", "#CC79A7"),
    ("kl_latents", "KL of the stochastic layers", "#D55E00"),
    ("kl_context", "KL of the context", "#CC79A7"),
)  # in the colours of Okabe and Ito

_STYLES = ("-", "--", ":", "-.")


def draw_sets(
    path: Path, sets: ArrayLike, *, title: str, row_labels: Sequence[str] | None = None
) -> Path:
    """One set a row (thesis figure 6.2).

    Args:
        path: the PNG to write.
        sets: [R, N, *X].
        title: above the grid.
        row_labels: R labels at the left of the rows.
    """
    return _draw_columns(path, [(title, _grid(sets))], row_labels)


def draw_set_pairs(
    path: Path,
    left: ArrayLike,
    right: ArrayLike,
    left_title: str,
    right_title: str,
    *,
    row_labels: Sequence[str] | None = None,
) -> Path:
    """Two sets a row (thesis figures 6.3 and 6.4).

    Args:
        path: the PNG to write.
        left: [R, N, *X]: a constant digit, or the sets that were given.
        right: [R, N', *X]: a constant background, or the sets generated from them.
        left_title: above the left sets.
        right_title: above the right sets.
        row_labels: R labels at the left of the rows.
    """
    return draw_set_columns(path, [(left_title, left), (right_title, right)], row_labels=row_labels)


def draw_set_columns(
    path: Path,
    columns: Sequence[tuple[str, ArrayLike]],
    *,
    row_labels: Sequence[str] | None = None,
) -> Path:
    """Several sets a row, such as the sources of a synthesis and what it gave.

    Args:
        path: the PNG to write.
        columns: titles, and sets [R, N, *X] of as many rows in each; N may differ.
        row_labels: R labels at the left of the rows.

    Raises:
        InputError: no column, columns of different rows or kinds of items, wrong levels.
    """
    grids = [(title, _grid(sets)) for title, sets in columns]
    if len({(len(grid), *grid.shape[2:]) for _, grid in grids}) != 1:
        raise InputError("the columns of a figure need the same number of rows, and items alike")
    return _draw_columns(path, grids, row_labels)


def draw_synthesis(
    path: Path,
    sources: ArrayLike,
    synthesised: ArrayLike,
    *,
    source_labels: Sequence[str],
    label: str = "synthesised",
    title: str = "",
) -> Path:
    """Source sets, and below them the sets synthesised from all of them (thesis figure 6.7).

    Args:
        path: the PNG to write.
        sources: [S, N, *X], the sets that give a constant context each.
        synthesised: [R, N, *X].
        source_labels: S labels at the left of the sources.
        label: at the left of the first synthesised row.
        title: above the grid.
    """
    above, below = _grid(sources), _grid(synthesised)
    labels = [*source_labels, label, *[""] * (len(below) - 1)]
    rows = np.concatenate([above, below])
    return _draw_columns(path, [(title, rows)], labels, break_after=len(above))


def draw_training(
    path: Path,
    records: Sequence[Mapping[str, Any]],
    *,
    contexts: Sequence[str] = (),
) -> Path:
    """The bound and its terms in nats per item against the step, a small panel each.

    Args:
        path: the PNG to write.
        records: each has `step` and some of the names in `PANELS`.
        contexts: the names of the contexts, for the terms that have one value each.
    """
    panels = [panel for panel in PANELS if any(panel[0] in record for record in records)]
    if not panels:
        raise InputError("the records hold no term of the bound: there is nothing to draw")
    figure = canvas.figure(10.0, 2.9 * ((len(panels) + 2) // 3), "constrained")
    columns = min(3, len(panels))
    axes = figure.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for axis, (name, label, colour) in zip(axes, panels, strict=False):
        kept = [record for record in records if name in record]
        steps = np.array([record["step"] for record in kept])
        values = np.array([record[name] for record in kept], float)
        curves = values.reshape(len(values), -1).T
        labels = _curve_names(name, contexts, len(curves))
        for curve, context, style in zip(curves, labels, _STYLES[: len(curves)], strict=False):
            axis.plot(steps, curve, style, color=colour, lw=1.4, label=context)
        if labels[0] is not None:
            axis.legend(frameon=False)
        axis.set_title(label, loc="left", fontsize=11, color=colour)
        axis.set_xlabel("step")
        axis.set_ylabel("nats per item")
        canvas.lighten(axis)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return canvas.save(path, figure)


def _curve_names(term: str, contexts: Sequence[str], count: int) -> Sequence[str | None]:
    """What tells the curves of one panel apart; nothing where there is one."""
    if count == 1:
        return [None]
    if term == "kl_latents":
        return [f"layer {layer + 1}" for layer in range(count)]
    return contexts if len(contexts) == count else [None] * count


def _draw_columns(
    path: Path,
    columns: Sequence[tuple[str, np.ndarray]],
    row_labels: Sequence[str] | None,
    *,
    break_after: int | None = None,
) -> Path:
    """Columns of sets [R, N, *X] side by side, each set a strip with thin gaps."""
    rows = len(columns[0][1])
    if row_labels is not None and len(row_labels) != rows:
        raise InputError(f"{len(row_labels)} row labels for {rows} rows")
    pixels = columns[0][1].shape[3]
    widths = [strips.shape[1] for _, strips in columns]
    item = min(INCHES_PER_ITEM, LARGEST_WIDTH / sum(widths))
    between, row_gap, break_gap = 0.6 * item, 0.14 * item, 0.4 * item
    margin, top, bottom = 0.1, 0.36 if any(title for title, _ in columns) else 0.1, 0.1
    label_width = 0.068 * max(map(len, row_labels), default=0) if row_labels else 0.0
    left = margin + label_width
    width = left + item * sum(widths) + between * (len(columns) - 1) + margin
    gaps = row_gap * (rows - 1) + (break_gap if break_after is not None else 0.0)
    height = top + rows * item + gaps + bottom
    figure = canvas.figure(width, height)
    start = left
    for (title, strips), items in zip(columns, widths, strict=True):
        if title:
            figure.text(start / width, 1 - 0.5 * top / height, title, fontsize=9, va="center")
        below = height - top
        for row, strip in enumerate(strips):
            below -= item
            box = (start / width, below / height, items * item / width, item / height)
            axis = figure.add_axes(box)
            axis.imshow(_strip(strip, pixels), cmap="gray", vmin=0, vmax=1, aspect="auto")
            axis.set_axis_off()
            if row_labels and start == left:
                x, y = (start - 0.06) / width, (below + 0.5 * item) / height
                figure.text(x, y, row_labels[row], fontsize=8, ha="right", va="center")
            below -= row_gap + (break_gap if break_after == row + 1 else 0.0)
        start += items * item + between
    return canvas.save(path, figure)


def _strip(strip: np.ndarray, pixels: int) -> np.ndarray:
    """The items of [N, *X] in a row, in grey frames: enlarged so that a frame is thin."""
    scale = max(1, round(56 / pixels))
    large = strip.repeat(scale, axis=1).repeat(scale, axis=2)
    channels = [(0, 0)] * (strip.ndim - 3)
    framed = np.pad(large, ((0, 0), (1, 1), (1, 1), *channels), constant_values=BORDER)
    gapped = np.pad(framed, ((0, 0), (0, 0), (1, 1), *channels), constant_values=1.0)
    return np.concatenate(list(gapped), axis=1)


def _grid(sets: ArrayLike) -> np.ndarray:
    grid = np.asarray(sets, np.float32)
    if not (grid.ndim == 4 or (grid.ndim == 5 and grid.shape[4] == 3)) or grid.size == 0:
        raise InputError(
            f"a figure needs sets [R, N, H, W] or [R, N, H, W, 3], not shape {grid.shape}"
        )
    if not (grid.min() >= 0.0 and grid.max() <= 1.0):
        raise InputError("a figure needs levels between 0 and 1")
    return grid
