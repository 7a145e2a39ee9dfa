"""Every digit in every voice: sources, what the learner makes of them, and sounds of both.

Shape letters: D digits, S speakers, N items of a source, B mel bands, F frames, T samples.
"""

from typing import NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.inference.trained import TrainedLearner

DIGIT, SPEAKER = "digit", "speaker"


class Voices(NamedTuple):
    """Syntheses of every digit by every speaker, and the recordings that they come from."""

    digit_sources: np.ndarray
    """int [D, N]: rows of the scored items; the digit is constant."""
    speaker_sources: np.ndarray
    """int [S, N]: rows of the scored items; the speaker is constant."""
    real: np.ndarray
    """int [D, S]: a row of the scored items of that digit and speaker."""
    levels: np.ndarray
    """float32 [D, S, B, F]: decoder means with z at its prior's mean."""


def every_voice(learner: TrainedLearner, scored: FactorDataset, seed: int) -> Voices:
    """Each digit of one source in each voice of another.

    Args:
      learner: with the contexts digit and speaker.
      scored: items, with each digit of each speaker.
      seed: of the choice of sources.
    """
    rng = np.random.default_rng(seed)
    digits = _sources(scored, DIGIT, learner.set_size, rng)
    speakers = _sources(scored, SPEAKER, learner.set_size, rng)
    of_digit = learner.contexts(scored.items[digits], constant=(DIGIT,))[DIGIT]
    of_speaker = learner.contexts(scored.items[speakers], constant=(SPEAKER,))[SPEAKER]
    pairs = {
        DIGIT: np.repeat(of_digit, len(speakers), axis=0),
        SPEAKER: np.tile(of_speaker, (len(digits), 1)),
    }
    levels = learner.decode(pairs).reshape(len(digits), len(speakers), *scored.event_shape)
    table = scored.columns([DIGIT, SPEAKER])
    real = [
        [rng.choice(np.flatnonzero((table == (d, s)).all(axis=1))) for s in range(len(speakers))]
        for d in range(len(digits))
    ]
    return Voices(digits, speakers, np.asarray(real), levels)


def _sources(scored: FactorDataset, name: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Rows [V, N] of items that share each value of a factor, N at most ``size``."""
    column = scored.columns([name])[:, 0]
    rows = [np.flatnonzero(column == value) for value in range(scored.sizes[name])]
    size = min(size, *map(len, rows))
    return np.stack([rng.permutation(of_value)[:size] for of_value in rows])
