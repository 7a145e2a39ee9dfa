"""Sources of syntheses and swaps, as rows of the scored frames.

Shape letters: M syntheses, K factors, N frames of a source.
"""

import itertools
from typing import NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.sprite_frames import CHARACTER, FACTORS


class Asked(NamedTuple):
    """What is asked of a learner: one new set for each group of K sources."""

    rows: np.ndarray
    """int [M, K, N]: of the frames of source k, which gives context k."""
    wanted: np.ndarray
    """int [M, K]: the value of every factor that the new set must have."""


def six_sources(
    frames: FactorDataset, num_sets: int, set_size: int, rng: np.random.Generator
) -> Asked:
    """Of each factor a source whose frames share it, while everything else varies.

    The wanted character, action and direction are those of a scored frame, so that training
    never showed the character; no source shows it either.

    Args:
      frames: that nothing is fitted on.
      num_sets: M.
      set_size: N.
      rng: of all that is drawn.
    """
    table = frames.columns(FACTORS)
    wanted = table[rng.integers(len(table), size=num_sets)]
    of_character = len(CHARACTER)
    rows = np.empty((num_sets, len(FACTORS), set_size), int)
    for m, values in enumerate(wanted):
        other = (table[:, :of_character] != values[:of_character]).any(axis=1)
        for k, value in enumerate(values):
            able = np.flatnonzero(other & (table[:, k] == value))
            rows[m, k] = rng.choice(able, set_size, replace=False)
    return Asked(rows, wanted)


class Swaps(NamedTuple):
    """Clips, frames of one character, action and direction, that get two factors of others."""

    asked: Asked
    """Source k is the clip itself, or the other clip where factor k is swapped."""
    swapped: np.ndarray
    """bool [M, K]: two factors of each."""


def swaps_of(
    frames: FactorDataset, kept: str, num_sets: int, num_frames: int, rng: np.random.Generator
) -> Swaps:
    """Pairs of clips, and two factors that the second one gives to the first.

    Args:
      frames: that nothing is fitted on.
      kept: a factor that is never swapped.
      num_sets: M.
      num_frames: N, of a clip.
      rng: of all that is drawn.
    """
    table = frames.columns(FACTORS)
    _, clip = np.unique(table, axis=0, return_inverse=True)
    members = np.split(np.argsort(clip, kind="stable"), np.cumsum(np.bincount(clip))[:-1])
    others = [k for k, name in enumerate(FACTORS) if name != kept]
    pairs = np.asarray(list(itertools.combinations(others, 2)))
    clips = rng.integers(len(members), size=(num_sets, 2))
    rows = np.asarray(
        [[rng.choice(members[one], num_frames, replace=False) for one in two] for two in clips]
    )
    swapped = np.zeros((num_sets, len(FACTORS)), bool)
    swapped[np.arange(num_sets)[:, None], pairs[rng.integers(len(pairs), size=num_sets)]] = True
    wanted = np.where(swapped, table[rows[:, 1, 0]], table[rows[:, 0, 0]])
    sources = np.where(swapped[..., None], rows[:, 1, None], rows[:, 0, None])
    return Swaps(Asked(sources, wanted), swapped)
