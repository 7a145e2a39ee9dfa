"""Ways to complete a typeface without a learner: the floors and the linear model.

Each is made from the training faces [G, L, H, W] and returns a ``completion.Draw``.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from cal_jax.metrics.images import root_mean_square_error
from experiments.typefaces.completion import Completion, Draw

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)
"""Of the ridge, in squared levels; chosen on validation faces."""


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


def bilinear(train: np.ndarray, strength: float) -> Draw:
    """The linear combination of training faces that fits the given letters, with a ridge.

    The asymmetric bilinear model of style and content (Tenenbaum & Freeman 2000), its styles
    the training faces: a new face has coefficients of its own, shared by all of its letters.

    Args:
      train: [G, L, H, W].
      strength: of the ridge on the coefficients, in squared levels.
    """
    return _bilinear_models(train)(strength)


def _bilinear_models(train: np.ndarray) -> Callable[[float], Draw]:
    """The bilinear model of each ridge; the products of the training faces are taken once."""
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


def chosen_strength(
    train: np.ndarray, validation: Completion, strengths: Sequence[float] = STRENGTHS
) -> float:
    """The ridge that draws validation faces with the least root mean square error."""

    model = _bilinear_models(train)

    def error(strength: float) -> float:
        drawn = np.clip(model(strength)(validation.glyphs, validation.given), 0.0, 1.0)
        hidden = ~validation.asked[..., None, None]
        return float(
            root_mean_square_error(
                np.where(hidden, 0.0, drawn), np.where(hidden, 0.0, validation.faces)
            ).mean()
        )

    return min(strengths, key=error)
