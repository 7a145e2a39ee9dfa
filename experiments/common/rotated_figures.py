"""The figures of sets of rotated digits (thesis 6.5 to 6.7)."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from cal_jax.evaluation.generation_scores import Generated, Real, RealSets
from cal_jax.inference.sampler import Sampler
from cal_jax.plots.grids import draw_set_pairs, draw_sets, draw_synthesis
from experiments.common.figures import Figure

ROWS = 10
SYNTHESISED = 8
DIGIT, QUARTER = 5, 2
"""The sources of figure 6.7: the digit 5, and 90 degrees clockwise."""


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
    sources = sources_of(real.one_constant, (DIGIT, QUARTER))
    repeated = np.broadcast_to(sources, (SYNTHESISED, *sources.shape))
    synthesised = sampler.synthesise(key, repeated, np.eye(2, dtype=np.float32))
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
                sources,
                np.asarray(synthesised.means),
                source_labels=["digit from", "rotation from"],
            ),
            f"Two sources, and {SYNTHESISED} sets with the digit of the first and the rotation of "
            "the second, decoder means (figure 6.7).",
        ),
    ]


def draw_held_out(
    folder: Path, sampler: Sampler, key: jax.Array, real: Real, unseen: RealSets
) -> Figure:
    """Real sets of held-out pairs, and sets of the same pairs synthesised from seen ones.

    Args:
      folder: where the PNG goes.
      sampler: the model.
      key: of the synthesised sets.
      real: of seen pairs, with digit and rotation, in this order, constant alone.
      unseen: of one held-out pair each.
    """
    pairs, shown = np.unique(unseen.factors[:, 0], axis=0, return_index=True)
    chosen = np.linspace(0, len(pairs) - 1, min(ROWS, len(pairs))).astype(int)
    sources = np.stack([sources_of(real.one_constant, tuple(pair)) for pair in pairs[chosen]])
    synthesised = sampler.synthesise(key, sources, np.eye(2, dtype=np.float32))
    return (
        draw_set_pairs(
            folder / "held_out.png",
            unseen.x[shown[chosen]],
            np.asarray(synthesised.means),
            "real",
            "synthesised",
        ),
        "Left: real pairs of digit and rotation that no training image shows. Right: sets with the "
        "digit of one source and the rotation of another, of seen pairs; decoder means.",
    )


def sources_of(one_constant: Sequence[RealSets], values: Sequence[int]) -> np.ndarray:
    """For each factor the first set in which it is constant at its value, or the first of all.

    Args:
      one_constant: K sets of sets, in which factor k alone is constant.
      values: K.

    Returns:
      [K, N, H, W].
    """
    rows = [
        int(np.argmax(sets.factors[:, 0, k] == value))
        for k, (sets, value) in enumerate(zip(one_constant, values, strict=True))
    ]
    return np.stack([sets.x[row] for sets, row in zip(one_constant, rows, strict=True)])
