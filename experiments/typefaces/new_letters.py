"""The task of drawing a letter that training never saw, from its glyphs in a few faces.

Some training faces, the examples, show the new letter. It is drawn in other faces, of which the
usual letters are given. Shape letters: E examples, F faces, U usual letters, L new ones, H x W
pixels with levels 0 to 1.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cal_jax.metrics.images import root_mean_square_error, similarity
from cal_jax.metrics.scores import RATIO, Score


class Method(NamedTuple):
    """A way to draw a new letter."""

    describe: Callable[[np.ndarray], np.ndarray]
    """Usual letters of faces [F, U, H, W] -> what it needs of them, [F, ...]."""
    draw: Callable[[float, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    """(strength, the new letter in the examples [E, H, W], descriptions of the examples [E, ...],
    of asked faces [F, ...]) -> the letter in each asked face, [F, H, W]."""


RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)
"""Strengths of both ridges, in squared levels; chosen on validation faces."""


class Faces(NamedTuple):
    """Faces in which new letters are drawn."""

    usual: np.ndarray
    """float32 [F, U, H, W]: given."""
    new: np.ndarray
    """float32 [F, L, H, W]: the truth of the L new letters."""


class Choice(NamedTuple):
    """A new letter, and the training faces that show it."""

    letter: int
    """Among the new letters."""
    rows: np.ndarray
    """int [E]: of the training faces."""


def choices_of(letters: int, faces: int, examples: int, draws: int, seed: int) -> list[Choice]:
    """Each new letter with so many random choices of examples."""
    rng = np.random.default_rng(seed)
    return [
        Choice(letter, rng.permutation(faces)[:examples])
        for letter in range(letters)
        for _ in range(draws)
    ]


class Described(NamedTuple):
    """Faces as a method describes them."""

    usual: np.ndarray
    """[F, ...]"""
    new: np.ndarray
    """[F, L, H, W]: the truth."""


def drawn_error(
    method: Method, strength: float, train: Described, asked: Described, choices: Sequence[Choice]
) -> tuple[float, float]:
    """Root mean square error of a glyph's levels, and structural similarity: means over glyphs.

    An example's own glyph is not scored.

    Args:
      method: to be scored.
      strength: that it takes.
      train: training faces.
      asked: faces to draw in: the training faces (the same object), or others.
      choices: of letters and examples; every one counts alike.
    """
    errors, similarities = [], []
    for letter, rows in choices:
        drawn = method.draw(strength, train.new[rows, letter], train.usual[rows], asked.usual)
        scored = np.ones(len(asked.new), bool)
        if asked is train:
            scored[rows] = False
        found, truth = np.clip(drawn, 0.0, 1.0)[scored], asked.new[scored, letter]
        errors.append(root_mean_square_error(found, truth).mean())
        similarities.append(similarity(found, truth))
    return float(np.mean(errors)), float(np.mean(similarities))


def new_letter_scores(
    name: str,
    method: Method,
    strengths: Sequence[float],
    train: Faces,
    validation: Faces,
    scored: Faces,
    choices: Sequence[Choice],
) -> dict[str, Score]:
    """``<name>_rmse_known``, ``<name>_ssim_known``, and the same ``_unseen``.

    Known faces are training faces, of which training saw the usual letters; unseen ones are the
    scored faces.

    Args:
      name: of the method.
      method: to be scored.
      strengths: to choose from by the root mean square error on validation faces.
      train, validation, scored: faces.
      choices: of letters and examples.
    """
    known, held, unseen = (
        Described(method.describe(faces.usual), faces.new) for faces in (train, validation, scored)
    )
    best = min(strengths, key=lambda one: drawn_error(method, one, known, held, choices)[0])
    scores = {}
    for part, asked in {"known": known, "unseen": unseen}.items():
        rmse, ssim = drawn_error(method, best, known, asked, choices)
        scores[f"{name}_rmse_{part}"] = Score(rmse, None, RATIO)
        scores[f"{name}_ssim_{part}"] = Score(ssim, None, RATIO)
    return scores


def as_it_is(usual: np.ndarray) -> np.ndarray:
    """Faces described by their usual letters."""
    return usual


def mean_example(
    strength: float, glyphs: np.ndarray, examples: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The mean of the letter's glyphs in every face."""
    del strength, examples
    return np.broadcast_to(glyphs.mean(axis=0), (len(asked), *glyphs.shape[1:]))


def nearest_example(
    strength: float, glyphs: np.ndarray, examples: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The glyph of the example whose usual letters are nearest in squared distance."""
    del strength
    apart = [np.square(asked - one[None]).sum(axis=(1, 2, 3)) for one in examples]
    return glyphs[np.argmin(apart, axis=0)]


def ridge_of_faces(
    strength: float, glyphs: np.ndarray, examples: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The new letter as a linear function of a face's usual letters, by ridge regression.

    A linear map of the style, as any letter in the bilinear model of style and content (Tenenbaum
    & Freeman 2000); the style is all usual letters, relative to the examples' mean.
    """
    mean, centre = examples.mean(axis=0), glyphs.mean(axis=0)
    known, others = ((of - mean[None]).reshape(len(of), -1) for of in (examples, asked))
    kernel = known @ known.T / len(mean) + strength * np.eye(len(known))
    fit = np.linalg.solve(kernel, (glyphs - centre).reshape(len(known), -1))
    return centre + (others @ known.T @ fit).reshape(len(asked), *centre.shape) / len(mean)


def ridge_of_letters(
    strength: float, glyphs: np.ndarray, examples: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """The linear combination of usual letters that fits the new one in the examples, by ridge.

    The bilinear model with letters and faces exchanged: the new letter has coefficients of its
    own, shared by all faces. All is relative to the examples' means.
    """
    mean, centre = examples.mean(axis=0), glyphs.mean(axis=0)
    basis = (examples - mean[None]).swapaxes(0, 1).reshape(len(mean), -1)
    kernel = basis @ basis.T + strength * np.eye(len(mean))
    fit = np.linalg.solve(kernel, basis @ (glyphs - centre).reshape(-1))
    return centre + np.tensordot(asked - mean[None], fit, axes=([1], [0]))
