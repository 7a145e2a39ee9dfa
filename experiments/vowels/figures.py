"""The figures of the vowel study: accuracy by speaker, and which vowels are confused."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cal_jax.data.vowels import WORDS
from cal_jax.plots import canvas
from experiments.common.figures import Figure


def draw_accuracies(
    folder: Path, names: Sequence[str], by_speaker: Mapping[str, np.ndarray]
) -> Figure:
    """A marker for each scored speaker and method, and a line at the method's mean.

    Args:
      folder: where the PNG goes.
      names: of M speakers.
      by_speaker: fractions [M], by the name of the method.
    """
    drawn = canvas.figure(8.0, 4.2, "constrained")
    axis = drawn.add_subplot()
    for place, each in enumerate(by_speaker.values()):
        across = place + np.linspace(-0.25, 0.25, len(names))
        axis.scatter(across, 100 * each, color=canvas.OKABE_ITO[place], s=26)
        axis.hlines(100 * each.mean(), place - 0.35, place + 0.35, color="0.25")
        for x, name, height in zip(across, names, 100 * each, strict=True):
            axis.annotate(name, (x, height), (0, 4), textcoords="offset points", fontsize=7)
    axis.axhline(100 / len(WORDS), color="0.6", ls=":")
    axis.set_xticks(range(len(by_speaker)), [name.replace("_", "\n") for name in by_speaker])
    axis.set(ylabel="vowels named right (%)", ylim=(0, 105))
    canvas.lighten(axis)
    return (
        canvas.save(folder / "accuracy_by_speaker.png", drawn),
        "Items named right, by speaker (numbers); a line at the mean, chance dotted. "
        "`vowel` is the adapted learner.",
    )


def draw_confusion(folder: Path, predicted: np.ndarray, truth: np.ndarray) -> Figure:
    """The share of each vowel's items that is given each name.

    Args:
      folder: where the PNG goes.
      predicted: int [M, N].
      truth: int [M, N].
    """
    counts = np.zeros((len(WORDS), len(WORDS)))
    np.add.at(counts, (truth.ravel(), predicted.ravel()), 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    drawn = canvas.figure(6.0, 5.2, "constrained")
    axis = drawn.add_subplot()
    image = axis.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    axis.set_xticks(range(len(WORDS)), WORDS, rotation=60)
    axis.set_yticks(range(len(WORDS)), WORDS)
    axis.set(xlabel="named", ylabel="spoken")
    drawn.colorbar(image, ax=axis, label="% of the items spoken")
    return (
        canvas.save(folder / "confusion.png", drawn),
        "Vowels as the adapted learner names them, all scored speakers.",
    )
