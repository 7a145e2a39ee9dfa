"""Scores of synthesised and swapped sprites, as the oracle reads them.

Shape letters: M sets, N frames of a set, K factors.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import one_constant
from cal_jax.data.sprite_frames import FACTORS, render_frames
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.trained import TrainedLearner
from cal_jax.metrics.scores import FRACTION, Score
from experiments.sprites.sources import Asked

Read = Callable[[np.ndarray], np.ndarray]
"""Frames [..., H, W, 3] to the values of all factors, int [..., K]."""

KEPT = "action"
"""The factor that must survive a swap of two others."""


def ceilings(frames: FactorDataset, read: Read) -> np.ndarray:
    """Which factors the oracle reads rightly of real frames, bool [I, K].

    Args:
      frames: that nothing was fitted on.
      read: the oracle.
    """
    rows = np.arange(frames.num_items)
    return read(render_frames(frames, rows)) == frames.columns(FACTORS)


class Synthesis(NamedTuple):
    """Sets from K sources, of which each gives one context."""

    asked: Asked
    sources: np.ndarray
    """uint8 [M, K, N, H, W, 3]"""
    made: GeneratedSet
    """Levels [M, N, H, W, 3]."""


def synthesise(
    learner: TrainedLearner, frames: FactorDataset, asked: Asked, key: jax.Array
) -> Synthesis:
    """One set for each group of K sources.

    Args:
      learner: of sets of N frames.
      frames: that the sources' rows are of.
      asked: M groups of K sources.
      key: of what is drawn.
    """
    sampler = Sampler(learner.model, learner.variables, learner.set_size)
    labels = np.asarray(one_constant(len(FACTORS)), np.float32)
    sources = render_frames(frames, asked.rows)
    return Synthesis(asked, sources, sampler.synthesise(key, sources, labels))


def synthesis_scores(found: Synthesis, read: Read, real: np.ndarray) -> dict[str, Score]:
    """``synthesis_<factor>`` and ``synthesis_all``: samples; with ``_means``, decoder means.

    Args:
      found: the sets.
      read: the oracle.
      real: its hits on real frames, see ``ceilings``.
    """
    scores: dict[str, Score] = {}
    for suffix, frames in (("", found.made.samples), ("_means", found.made.means)):
        hits = read(np.asarray(frames)) == found.asked.wanted[:, None]
        scores |= shares(f"synthesis_{{}}{suffix}", hits, real)
    return scores


def baseline_scores(
    found: Synthesis, read: Read, additive: np.ndarray, nearest: np.ndarray
) -> dict[str, Score]:
    """``additive_<factor>``, ``nearest_<factor>`` and ``copied_all`` of the same sources.

    Args:
      found: the sets.
      read: the oracle.
      additive: [M, H, W, 3], see ``baselines.additive``.
      nearest: the training frames nearest to these.

    Returns:
      ``copied_all``: frames of the best of the six sources.
    """
    wanted = found.asked.wanted
    scores: dict[str, Score] = {}
    for name, frames in (("additive", additive), ("nearest", nearest)):
        scores |= shares(f"{name}_{{}}", read(frames) == wanted)
    copied = (read(found.sources) == wanted[:, None, None]).all(axis=-1).mean(axis=(0, 2))
    return scores | {"copied_all": Score(float(copied.max()), None, FRACTION)}


def swap_scores(
    found: Synthesis, swapped: np.ndarray, read: Read, real: np.ndarray
) -> dict[str, Score]:
    """``action_kept`` after two other factors are swapped, ``swap_taken`` and ``swap_all``.

    ``swap_taken``: both swapped factors are the other clip's; ``swap_all``: all six are right.
    Every context is inferred from a clip, in which all of them are constant, as in no training
    set; samples of the decoder are read.

    Args:
      found: the swaps' sets.
      swapped: bool [M, K], see ``Swaps``.
      read: the oracle.
      real: its hits on real frames.
    """
    hits = read(np.asarray(found.made.samples)) == found.asked.wanted[:, None]
    kept = FACTORS.index(KEPT)
    taken = (hits | ~swapped[:, None]).all(axis=-1)
    every = real.all(axis=-1)
    return {
        f"{KEPT}_kept": Score(float(hits[..., kept].mean()), float(real[:, kept].mean()), FRACTION),
        "swap_taken": Score(float(taken.mean()), float(every.mean()), FRACTION),
        "swap_all": Score(float(hits.all(axis=-1).mean()), float(every.mean()), FRACTION),
    }


def shares(name: str, hits: np.ndarray, real: np.ndarray | None = None) -> dict[str, Score]:
    """The share of right readings of each factor, and of frames with all of them.

    Args:
      name: with {} for the factor, or "all".
      hits: bool [..., K].
      real: the same of real frames, whose shares are the ceilings; None: no ceilings.
    """
    right = hits.reshape(-1, len(FACTORS))
    values = [*right.mean(axis=0), right.all(axis=1).mean()]
    tops: list[float | None] = [None] * len(values)
    if real is not None:
        tops = [*map(float, real.mean(axis=0)), float(real.all(axis=1).mean())]
    return {
        name.format(factor): Score(float(value), top, FRACTION)
        for factor, value, top in zip((*FACTORS, "all"), values, tops, strict=True)
    }
