"""The figures of sets of turned digits (thesis 6.5 to 6.7)."""

from pathlib import Path

import jax
import numpy as np

from cal_jax.evaluation.generation_scores import Generated, Real
from cal_jax.figures import draw_set_pairs, draw_sets, draw_synthesis
from cal_jax.generation_figures import Figure
from cal_jax.sampler import Sampler

ROWS = 10
SYNTHESISED = 8
DIGIT, QUARTER = 5, 2
"""What figure 6.7 puts together: the digit 5, and 90 degrees clockwise."""


def draw_rotated(
    folder: Path, sampler: Sampler, key: jax.Array, real: Real, generated: Generated
) -> list[Figure]:
    """Real sets, sets of the labels that training never saw, and sets from two sources.

    Args:
      folder: where the PNGs go.
      sampler: the model.
      key: of the synthesised sets.
      real: with digit and rotation, in this order, constant alone.
      generated: from these.
    """
    digit, rotation = real.one_constant
    examples = np.stack([digit.x[0], rotation.x[0], digit.x[1], rotation.x[1], digit.x[2]])[:, :5]
    first = digit.x[_first(digit.factors[:, 0, 0] == DIGIT)]
    second = rotation.x[_first(rotation.factors[:, 0, 1] == QUARTER)]
    sources = np.broadcast_to(np.stack([first, second]), (SYNTHESISED, 2, *first.shape))
    synthesised = sampler.synthesise(key, sources, np.eye(2, dtype=np.float32))
    return [
        (
            draw_sets(folder / "data_sets.png", examples, title="Five data sets"),
            "Five data sets: the digit or the rotation is constant in a row (figure 6.5).",
        ),
        (
            draw_set_pairs(
                folder / "unseen_labels.png",
                np.asarray(generated.none_constant.means[:ROWS]),
                np.asarray(generated.all_constant.means[:ROWS]),
                "neither constant",
                "both constant",
            ),
            "Data sets generated from labels that training never saw, decoder means (figure 6.6).",
        ),
        (
            draw_synthesis(
                folder / "synthesis.png",
                first,
                second,
                np.asarray(synthesised.means),
                first_label="digit from",
                second_label="rotation from",
            ),
            f"Two sources, and {SYNTHESISED} sets with the digit of the first and the rotation of "
            "the second, decoder means (figure 6.7).",
        ),
    ]


def _first(wanted: np.ndarray) -> int:
    """The first set that is as wanted, or the first of all."""
    return int(np.argmax(wanted))
