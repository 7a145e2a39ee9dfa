"""Shared parts of figures: canvas, file, colours, markers and array checks.

matplotlib is imported lazily: the rest of the library does not need it.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

DPI = 150

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Eight colours that colour-blind readers tell apart (Okabe and Ito, 2008)."""

PETROFF = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Ten colours that colour-blind readers tell apart (Petroff, 2021, arXiv 2107.02270)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def marker_style(kind: int, colours: tuple[str, ...]) -> tuple[str, str]:
    """Return the colour and the marker of a class; a colour's second turn has another marker."""
    turn, colour = divmod(kind, len(colours))
    return colours[colour], MARKERS[(colour + turn) % len(MARKERS)]


def finite_array(name: str, values: ArrayLike, letters: str) -> np.ndarray:
    """Return `values` as float64.

    Args:
        name: of the argument, for the message.
        values: one axis a letter, none empty.
        letters: of the shape, such as "M, 2"; a digit is the length of its axis.

    Raises:
        InputError: another shape, an empty axis, or a value that is not finite.
    """
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: not an array of numbers; accepted: [{letters}]") from error
    wanted = letters.split(", ")
    fits = array.ndim == len(wanted) and all(
        length == int(letter) if letter.isdigit() else length > 0
        for length, letter in zip(array.shape, wanted, strict=True)
    )
    if not fits:
        raise InputError(f"{name}: shape {array.shape}; accepted: [{letters}], no axis empty")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: holds values that are not finite; accepted: finite numbers")
    return array


def figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Any:
    """Return an empty matplotlib figure, sized in inches, outside pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(canvas)
    return canvas


def lighten(axis: Any) -> None:
    """Draw a pale grid behind the data, and remove the top and right spines."""
    axis.grid(color="0.9", lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def legend(drawn: Any, axis: Any, **style: Any) -> None:
    """Draw the legend of `axis` beside the panels."""
    names = axis.get_legend_handles_labels()
    drawn.legend(*names, **{"loc": "outside right center", "frameon": False, **style})


def save(path: Path, drawn: Any) -> Path:
    """Write the figure as a PNG, atomically and deterministically."""
    body = io.BytesIO()
    drawn.savefig(body, format="png", metadata={"Software": None})
    return write_atomically(path, body.getvalue())


def not_empty(name: str, values: Mapping[str, ArrayLike]) -> Mapping[str, ArrayLike]:
    """Return ``values`` unchanged if there is at least one.

    Raises:
        InputError: there is none.
    """
    if not values:
        raise InputError(f"{name}: none; accepted: 1 or more")
    return values
