"""The figure of every digit in every voice, beside real recordings."""

from pathlib import Path

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.plots.grids import draw_set_columns
from experiments.common.figures import Figure
from experiments.spoken_digits.sound import DIGIT, SPEAKER, Voices


def draw_voices(folder: Path, voices: Voices, scored: FactorDataset) -> Figure:
    """A digit a row, a speaker a column: synthesised, and recorded; low frequencies below.

    Args:
      folder: where the PNG goes.
      voices: what the learner made.
      scored: items that its rows are of.
    """
    columns = [
        (title, np.clip(levels[..., ::-1, :], 0.0, 1.0))
        for title, levels in (
            ("synthesised", voices.levels),
            ("recorded", scored.items[voices.real]),
        )
    ]
    speakers = ", ".join(scored.value_names[SPEAKER])
    return (
        draw_set_columns(
            folder / "voices.png", columns, row_labels=list(scored.value_names[DIGIT])
        ),
        f"Log-mel spectrograms of each digit by {speakers}. Left: the digit of one set in the "
        "voice of another, decoder means. Right: a recording of that digit by that speaker.",
    )
