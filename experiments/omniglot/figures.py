"""The figures of the Omniglot study: a one-shot run with its nearest answers, and syntheses."""

from pathlib import Path

import numpy as np

from cal_jax.data.omniglot_runs import OneShotRuns
from cal_jax.plots.grids import draw_set_columns
from experiments.common.figures import Figure
from experiments.omniglot.synthesis import Sources

ROWS, NEAREST, SHOWN = 8, 5, 4
"""Rows of a grid; answers of each query; items of each set."""


def draw_run(folder: Path, runs: OneShotRuns, affinity: np.ndarray) -> Figure:
    """The first queries of the first run, their own classes and the nearest ones.

    Args:
      folder: where the PNG goes.
      runs: [R, V, H, W].
      affinity: [R, V, V], see ``one_shot``.
    """
    nearest = np.argsort(-affinity[0, :ROWS], axis=1, kind="stable")[:, :NEAREST]
    columns = [
        ("query", runs.queries[0, :ROWS, None]),
        ("class", runs.classes[0, :ROWS, None]),
        ("nearest classes, the answer first", runs.classes[0][nearest]),
    ]
    return (
        draw_set_columns(folder / "one_shot.png", [(name, _paper(x)) for name, x in columns]),
        "A one-shot run. Left: a query, and the one image of its class. Right: the classes' images "
        "in the order of their affinity.",
    )


def draw_synthesis(
    folder: Path, sources: Sources, made: np.ndarray, real: np.ndarray, seed: int = 0
) -> Figure:
    """Syntheses of pairs that no training image shows.

    Args:
      folder: where the PNG goes.
      sources: of M pairs.
      made: [M, N, H, W].
      real: [M, H, W], an image of each pair.
      seed: of the choice of pairs.
    """
    rows = np.random.default_rng(seed).permutation(len(made))[:ROWS]
    columns = [
        ("character from", sources.characters[rows, :SHOWN]),
        ("hand from", sources.hands[rows, :SHOWN]),
        ("made", made[rows, :SHOWN]),
        ("real", real[rows, None]),
    ]
    return (
        draw_set_columns(folder / "synthesis.png", [(name, _paper(x)) for name, x in columns]),
        "A pair of character and hand a row, which no training image shows. Left: the sets that "
        "give each. Right: decoder means, and the real image.",
    )


def _paper(ink: np.ndarray) -> np.ndarray:
    """Black ink on white paper."""
    return 1.0 - np.clip(ink, 0.0, 1.0)
