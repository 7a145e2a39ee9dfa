"""Scores of spoken digits beside those of every study: what is heard, and an additive baseline.

Shape letters: M syntheses, N items of a set, K = 2 contexts, B mel bands, F frames.
"""

import math

import numpy as np

from cal_jax.data.log_mel import LogMel, log_mel, waveforms
from cal_jax.metrics.bits import bits_per_dimension
from cal_jax.metrics.scores import BITS, FRACTION, Score
from experiments.common.factor_study import Finished


def own_scores(finished: Finished) -> dict[str, Score]:
    """``audio_<k>`` and ``additive_<k>``, of each factor and joint, and ``bits_per_dimension``.

    ``audio``: the first item of every synthesised set (its mean) is made a sound and measured
    again before it is read; the ceiling is that of real recordings which pass through the same.
    ``additive``: the items that ``additive`` makes of the same sources. The bits are those of
    a level that is known to 1 dB.
    """
    parts, found, read = finished.parts, finished.found, finished.read
    spec: LogMel = finished.request.config.log_mel
    names = finished.learner.names
    means = np.asarray(found.made.means)[:, 0]
    real = read(revoiced(parts.scored.items, spec)) == parts.scored.columns(names)
    scores = _shares("audio", names, read(revoiced(means, spec)) == found.wanted, real)
    made = additive(found.sources, parts.train.items.mean(axis=0))
    scores |= _shares("additive", names, read(made) == found.wanted)
    scores["bits_per_dimension"] = Score(bits_per_decibel(finished.elbo, spec), None, BITS)
    return scores


def revoiced(levels: np.ndarray, spec: LogMel) -> np.ndarray:
    """The levels [..., B, F] of the sounds that Griffin-Lim makes of levels."""
    sounds = waveforms(levels, spec).reshape(-1, spec.samples)
    return np.stack([log_mel(sound, spec) for sound in sounds]).reshape(levels.shape)


def additive(sources: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The sum of what each source has beyond the mean item: [M, B, F].

    A digit and a speaker that add up, each the mean of its source less the mean of all.

    Args:
      sources: [M, K, N, B, F].
      centre: the mean of training items, [B, F].
    """
    beyond = sources.mean(axis=2) - centre[None, None]
    total: np.ndarray = beyond.sum(axis=1) + centre[None]
    return total


def bits_per_decibel(elbo: float, spec: LogMel) -> float:
    """-log2 of the density per decibel, the mean over the levels of an item.

    Args:
      elbo: nats per item, of a density of levels from 0 to 1.
      spec: of these levels.
    """
    return float(bits_per_dimension(elbo, spec.shape)) + math.log2(spec.range_db)


def _shares(
    of: str, names: tuple[str, ...], right: np.ndarray, real: np.ndarray | None = None
) -> dict[str, Score]:
    """The share of right items [M, K] by factor, and of those with both; of real ones too."""

    def shares(hits: np.ndarray) -> list[float]:
        return [*map(float, hits.mean(axis=0)), float(hits.all(axis=1).mean())]

    ceilings = [None] * (len(names) + 1) if real is None else shares(real)
    return {
        f"{of}_{name}": Score(value, ceiling, FRACTION)
        for name, value, ceiling in zip((*names, "joint"), shares(right), ceilings, strict=True)
    }
