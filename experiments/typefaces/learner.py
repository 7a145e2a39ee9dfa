"""Completion of a typeface by a trained context-aware learner.

The style is the constant context of the given glyphs. A letter is the constant context of sets
of the training faces' glyphs of it, averaged. Together they are decoded at z's prior mean.
"""

import numpy as np

from cal_jax.inference.trained import TrainedLearner
from experiments.typefaces.completion import Draw

LETTER_SETS = 30
"""Sets of training glyphs that a letter's context is averaged over."""

LETTER, TYPEFACE = "letter", "typeface"


def learned(trained: TrainedLearner, train: np.ndarray, seed: int = 0) -> Draw:
    """The learner as a method of completion.

    Args:
      trained: with the contexts letter and typeface.
      train: training faces [G, L, H, W].
      seed: of the choice of training glyphs.
    """
    letters = letter_contexts(trained, train, seed)

    def draw(glyphs: np.ndarray, given: np.ndarray) -> np.ndarray:
        styles = trained.contexts(glyphs, constant=(TYPEFACE,))[TYPEFACE]
        pairs = {
            LETTER: np.tile(letters, (len(styles), 1)),
            TYPEFACE: np.repeat(styles, len(letters), axis=0),
        }
        return trained.decode(pairs).reshape(len(styles), *train.shape[1:])

    return draw


def letter_contexts(trained: TrainedLearner, train: np.ndarray, seed: int) -> np.ndarray:
    """The context of every letter, [L, C]: the mean over sets of ``set_size`` training faces."""
    rng, size = np.random.default_rng(seed), min(trained.set_size, len(train))
    faces = np.stack([rng.permutation(len(train))[:size] for _ in range(LETTER_SETS)])
    return np.stack(
        [
            trained.contexts(train[faces, letter], constant=(LETTER,))[LETTER].mean(axis=0)
            for letter in range(train.shape[1])
        ]
    )
