"""Figures of point sets in the plane, and of a model's samples given each of them.

Shapes: R sets of N points, S sets of N' points drawn given each.
"""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.plots import canvas
from cal_jax.plots.canvas import OKABE_ITO, finite_array

PANEL, GAP, BETWEEN = 0.92, 0.06, 0.34
"""Inches of a panel's side, between panels, and between the two halves of a figure."""

TITLE = 0.3


def draw_point_sets(path: Path, given: ArrayLike, samples: ArrayLike, *, half_width: float) -> Path:
    """Given sets, each beside sets drawn from the model given it, in two halves of R / 2 rows.

    The layout follows the figure of conditioned samples of Edwards & Storkey (2017).

    Args:
        path: the PNG to write.
        given: [R, N, 2].
        samples: [R, S, N', 2].
        half_width: each panel shows [-half_width, half_width]^2, y upwards.

    Returns:
        The path.

    Raises:
        InputError: other shapes, a value that is not finite, ``half_width`` not positive.
    """
    sets = finite_array("given", given, "R, N, 2")
    drawn = finite_array("samples", samples, f"{len(sets)}, S, N', 2")
    if not 0 < half_width < np.inf:
        raise InputError(f"half_width {half_width}; accepted: a positive number")
    halves = min(2, len(sets))
    rows = -(-len(sets) // halves)
    columns = 1 + drawn.shape[1]
    pitch = PANEL + GAP
    half = columns * pitch - GAP + BETWEEN
    width, height = halves * half, TITLE + rows * pitch + GAP
    figure = canvas.figure(width, height)
    for index, (one, answers) in enumerate(zip(sets, drawn, strict=True)):
        place, row = divmod(index, rows)
        bottom = height - TITLE - (row + 1) * pitch + GAP
        for column, points in enumerate([one, *answers]):
            left = BETWEEN / 2 + place * half + column * pitch
            box = (left / width, bottom / height, PANEL / width, PANEL / height)
            axis = figure.add_axes(box, xticks=[], yticks=[], aspect="equal")
            axis.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width))
            axis.spines[:].set_color("0.75")
            axis.scatter(*points.T, s=5, lw=0, color=OKABE_ITO[min(column, 1)])
            if row == 0 and column < 2:
                axis.set_title("samples given it" if column else "given", loc="left", fontsize=9)
    return canvas.save(path, figure)
