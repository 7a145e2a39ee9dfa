"""The figures of the typeface study: completed faces beside the truth."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cal_jax.plots.grids import draw_sets
from experiments.common.figures import Figure
from experiments.typefaces.completion import Completion, Draw, completed

SHOWN = 8
"""Faces of the figure."""


def draw_completions(folder: Path, names: list[str], task: Completion, draw: Draw) -> Figure:
    """Each face twice: the letters that were given alone, and every letter as drawn.

    Args:
      folder: where the PNG goes.
      names: of the faces, F of them.
      task: what is given.
      draw: the method.
    """
    rows = np.random.default_rng(0).permutation(len(task.faces))[:SHOWN]
    chosen = Completion(task.faces[rows], task.given[rows])
    drawn = completed(chosen, draw)
    given = np.where(chosen.asked[..., None, None], 0.0, chosen.faces)
    strips = np.stack([given, drawn, chosen.faces], axis=1).reshape(-1, *drawn.shape[1:])
    labels = [label for row in rows for label in (names[row][:28], "drawn", "truth")]
    count = chosen.given.shape[1]
    return (
        draw_sets(folder / "completed.png", 1.0 - strips, title="", row_labels=labels),
        f"Faces of families that training never saw. First row of each: the {count} letters that "
        "were given. Second: all letters as the learner draws them. Third: the truth.",
    )


def draw_methods(folder: Path, task: Completion, methods: Mapping[str, Draw]) -> Figure:
    """One face as every method completes it, below the truth.

    Args:
      folder: where the PNG goes.
      task: what is given.
      methods: by name.
    """
    row = int(np.random.default_rng(1).integers(len(task.faces)))
    one = Completion(task.faces[[row]], task.given[[row]])
    drawn = [completed(one, draw)[0] for draw in methods.values()]
    given = np.where(one.asked[0, :, None, None], 0.0, one.faces[0])
    strips = np.stack([one.faces[0], given, *drawn])
    return (
        draw_sets(
            folder / "methods.png",
            1.0 - strips,
            title="",
            row_labels=["truth", "given", *methods],
        ),
        "One unseen face: the truth, what was given, and how each method draws all letters.",
    )
