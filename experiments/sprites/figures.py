"""The figure of six sources and the character that is synthesised from them."""

from pathlib import Path

import numpy as np

from cal_jax.data.sprite_frames import FACTORS
from cal_jax.plots.grids import draw_set_columns
from experiments.common.figures import Figure
from experiments.sprites.scores import Synthesis

ROWS, SHOWN = 6, 2
"""Syntheses, and frames of each source."""

ART = (
    "Art: the authors of the Liberated Pixel Cup (http://lpc.opengameart.org), CC-BY-SA 3.0 / GPL 3"
)


def draw_six_sources(folder: Path, found: Synthesis) -> Figure:
    """A synthesis a row: frames of the six sources, then the frames that were made of them."""
    columns = [
        (f"{name} from", found.sources[:ROWS, k, :SHOWN] / 255.0) for k, name in enumerate(FACTORS)
    ]
    made = np.asarray(found.made.means)[:ROWS]
    columns.append(("synthesised", np.clip(made / 255.0, 0.0, 1.0)))
    return (
        draw_set_columns(folder / "six_sources.png", columns),
        "A synthesis a row. Left: two frames of each source, whose frames share one factor. "
        f"Right: a character of all six, decoder means over draws of z. {ART}.",
    )
