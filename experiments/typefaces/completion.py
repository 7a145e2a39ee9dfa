"""The task of completing a typeface: some of its letters are given, the others are drawn.

Shape letters: F faces, L letters, n given letters, H x W pixels with levels 0 to 1.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cal_jax.errors import InputError
from cal_jax.metrics.images import mean_absolute_error, root_mean_square_error, similarity
from cal_jax.metrics.scores import RATIO, Score

Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(given glyphs [F, n, H, W], which letters they are int [F, n]) -> all letters [F, L, H, W]."""


class Completion(NamedTuple):
    """Faces of which only some letters are given."""

    faces: np.ndarray
    """float32 [F, L, H, W]: the truth."""
    given: np.ndarray
    """int [F, n]: the letters that are given, each once."""

    @property
    def glyphs(self) -> np.ndarray:
        """The given glyphs, [F, n, H, W]: all that a method sees of these faces."""
        return self.faces[np.arange(len(self.faces))[:, None], self.given]

    @property
    def asked(self) -> np.ndarray:
        """bool [F, L]: the letters to draw."""
        asked = np.ones(self.faces.shape[:2], bool)
        asked[np.arange(len(asked))[:, None], self.given] = False
        return asked


def completion_of(faces: np.ndarray, count: int, seed: int) -> Completion:
    """A random choice of given letters for each face.

    Args:
      faces: [F, L, H, W].
      count: n.
      seed: of the choice; the same for every method.

    Raises:
      InputError: no letter is given, or all of them.
    """
    letters = faces.shape[1]
    if not 1 <= count < letters:
        raise InputError(f"given {count} of {letters} letters; accepted: 1 to {letters - 1}")
    rng = np.random.default_rng((seed, count))
    given = np.stack([rng.permutation(letters)[:count] for _ in range(len(faces))])
    return Completion(faces, given)


def completed(task: Completion, draw: Draw) -> np.ndarray:
    """All letters as a method draws them that sees the given glyphs alone: levels 0 to 1."""
    return np.clip(draw(task.glyphs, task.given), 0.0, 1.0)


def completion_scores(name: str, task: Completion, drawn: np.ndarray) -> dict[str, Score]:
    """How well the letters that were not given are drawn.

    ``<name>_ssim_<n>``: structural similarity (Wang et al. 2004), the mean over glyphs.
    ``<name>_l1_<n>``: mean absolute difference of the levels. ``<name>_rmse_<n>``: root of the
    mean squared difference over the letters of a face, the mean over faces.

    Args:
      name: of the method.
      task: what is given and what is asked.
      drawn: all letters as the method draws them, [F, L, H, W].
    """
    n, asked = task.given.shape[1], task.asked
    found, truth = drawn[asked], task.faces[asked]
    by_face = (len(task.faces), -1, *truth.shape[1:])
    values = {
        "ssim": similarity(found, truth),
        "rmse": root_mean_square_error(found.reshape(by_face), truth.reshape(by_face)).mean(),
        "l1": mean_absolute_error(found, truth),
    }
    return {f"{name}_{key}_{n}": Score(float(value), None, RATIO) for key, value in values.items()}


def chosen(
    method: Callable[[float], Draw], strengths: Sequence[float], validation: Completion
) -> float:
    """The strength with which a method draws validation faces with the least squared error.

    Args:
      method: the strength -> the method.
      strengths: to choose from.
      validation: faces, and the letters of them that are given.
    """

    def error(strength: float) -> float:
        drawn = completed(validation, method(strength))
        asked = validation.asked
        by_face = (len(asked), -1, *drawn.shape[2:])
        found, truth = drawn[asked].reshape(by_face), validation.faces[asked].reshape(by_face)
        return float(root_mean_square_error(found, truth).mean())

    return strengths[0] if len(strengths) == 1 else min(strengths, key=error)
