"""Ways to complete a typeface without a learner: the floors and the linear model.

Each is made from the training faces [G, L, H, W] and returns a ``completion.Draw``.
"""

import functools
from collections.abc import Callable

import numpy as np

from experiments.typefaces.completion import Draw

RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)
"""Strengths of the ridge, in squared levels; chosen on validation faces."""


def mean_glyph(train: np.ndarray) -> Draw:
    """Every letter as the mean of the training faces draws it."""
    mean = train.mean(axis=0)

    def draw(glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        return np.broadcast_to(mean, (len(glyphs), *mean.shape))

    return draw


def nearest_face(train: np.ndarray) -> Draw:
    """The letters of the training face whose given letters are nearest in squared distance."""

    def draw(glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        nearest = [
            np.square(train[:, letters] - shown[None]).sum(axis=(1, 2, 3)).argmin()
            for shown, letters in zip(glyphs, given, strict=True)
        ]
        return train[nearest]

    return draw


def bilinear(train: np.ndarray) -> Callable[[float], Draw]:
    """The linear combination of training faces that fits the given letters, with a ridge.

    The asymmetric bilinear model of style and content (Tenenbaum & Freeman 2000), its styles
    the training faces: a new face has coefficients of its own, shared by all of its letters.

    Args:
      train: [G, L, H, W].

    Returns:
      The strength of the ridge on the coefficients, in squared levels -> the method.
    """
    mean = train.mean(axis=0)
    apart = (train - mean[None]).reshape(*train.shape[:2], -1)
    by_letter = apart.swapaxes(0, 1)
    products = by_letter @ by_letter.swapaxes(1, 2)

    def draw(strength: float, glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        drawn = np.empty((len(glyphs), *mean.shape), np.float32)
        for face, (shown, letters) in enumerate(zip(glyphs, given, strict=True)):
            rest = (shown - mean[letters]).reshape(-1)
            kernel = products[letters].sum(axis=0) + strength * np.eye(len(train), dtype=np.float32)
            fit = np.linalg.solve(kernel, apart[:, letters].reshape(len(train), -1) @ rest)
            drawn[face] = mean + np.tensordot(fit, apart, 1).reshape(mean.shape)
        return drawn

    return lambda strength: functools.partial(draw, strength)
