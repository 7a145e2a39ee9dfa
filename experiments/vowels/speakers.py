"""A Gaussian model of speakers: its moments, speakers drawn from it, and a change of variables.

What training makes of eight speakers, so that a learner meets hundreds. Shape letters: S
speakers, V vowels, D numbers of an item, A directions of the vowels' means.
"""

from typing import NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError

DIRECTIONS = 2
"""A: directions of the vowels' means that a speaker scales and turns."""
PER_ITEM = 0.5
"""Share of a vowel's deviation of a speaker that varies from item to item; the items of the
corpus are successive frames of one utterance, which understate it."""
SHRINKAGE = 0.5
"""Of the offset's covariance towards its diagonal: few speakers leave it singular."""
SPREAD = 0.3
"""Standard deviation of the items of one speaker and vowel after ``Scaling``."""


class Labelled(NamedTuple):
    """Items of training speakers."""

    x: np.ndarray
    """[I, D]"""
    speaker: np.ndarray
    """int [I]"""
    vowel: np.ndarray
    """int [I], 0 to V - 1."""


class Moments(NamedTuple):
    """The moments of ``x = mean[v] + offset + sum_a directions[v, a] turn_a + own[v] + noise``."""

    mean: np.ndarray
    """[V, D]"""
    directions: np.ndarray
    """[V, A], orthonormal columns: the leading ones of the means of the vowels."""
    offset: np.ndarray
    """[D, D], covariance of a speaker's offset."""
    turn: np.ndarray
    """[D, D], covariance of each turn."""
    own: np.ndarray
    """[D, D], covariance of a speaker's own deviation of each vowel."""
    noise: np.ndarray
    """[D, D], covariance of items of one speaker and vowel."""

    @property
    def covariance(self) -> np.ndarray:
        """[V * D, V * D], of the means of a speaker's vowels."""
        vowels = len(self.mean)
        return (
            np.kron(np.ones((vowels, vowels)), self.offset)
            + np.kron(self.directions @ self.directions.T, self.turn)
            + np.kron(np.eye(vowels), self.own)
        )


class Scaling(NamedTuple):
    """A linear change of variables after which items of one speaker and vowel spread alike."""

    mean: np.ndarray
    """[D]"""
    matrix: np.ndarray
    """[D, D], symmetric."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Items [..., D] in the new variables, float32."""
        return ((x - self.mean) @ self.matrix).astype(np.float32)


def cell_means(x: np.ndarray, speaker: np.ndarray, vowel: np.ndarray) -> np.ndarray:
    """The mean of the items of each speaker and vowel, [S, V, D].

    Args:
      x: items [I, D].
      speaker: [I], any values; S are those that occur, sorted.
      vowel: [I], 0 to V - 1.

    Raises:
      InputError: a speaker without items of some vowel.
    """
    _, rows = np.unique(speaker, return_inverse=True)
    sums = np.zeros((rows.max() + 1, vowel.max() + 1, x.shape[1]))
    counts = np.zeros(sums.shape[:2])
    np.add.at(sums, (rows, vowel), x)
    np.add.at(counts, (rows, vowel), 1.0)
    if not counts.all():
        raise InputError("a training speaker lacks a vowel; accepted: items of every vowel by all")
    return sums / counts[..., None]


def cells_of(items: Labelled, count: int) -> np.ndarray:
    """The first so many items of each speaker and vowel, [S, V, count, D]."""
    speakers, vowels = np.unique(items.speaker), np.unique(items.vowel)
    return np.stack(
        [
            [items.x[(items.speaker == s) & (items.vowel == v)][:count] for v in vowels]
            for s in speakers
        ]
    )


def moments_of(x: np.ndarray, speaker: np.ndarray, vowel: np.ndarray) -> Moments:
    """The moments of training speakers; arguments as of ``cell_means``.

    Raises:
      InputError: fewer than two speakers, or see ``cell_means``.
    """
    means = cell_means(x, speaker, vowel)
    speakers, vowels, _ = means.shape
    if speakers < 2:
        raise InputError("1 training speaker; accepted: 2 or more, for a covariance")
    free = speakers - 1
    mean = means.mean(axis=0)
    offsets = (means - mean).mean(axis=1)
    apart = means - mean - offsets[:, None]
    offset = offsets.T @ offsets / free
    offset = (1 - SHRINKAGE) * offset + SHRINKAGE * np.diag(np.diag(offset))
    directions = np.linalg.svd(mean - mean.mean(axis=0), full_matrices=False)[0][:, :DIRECTIONS]
    turns = np.einsum("va,svd->sad", directions, apart)
    rest = apart - np.einsum("va,sad->svd", directions, turns)
    own = _covariance(rest, free * (vowels - 1 - DIRECTIONS))
    noise = _within(x, speaker, vowel, means)
    return Moments(
        mean,
        directions,
        offset,
        _covariance(turns, free * DIRECTIONS),
        (1 - PER_ITEM) * own,
        noise + PER_ITEM * own,
    )


def scaling_of(x: np.ndarray, speaker: np.ndarray, vowel: np.ndarray) -> Scaling:
    """The scaling of training items, by the covariance of those of one speaker and vowel.

    Arguments and errors are those of ``cell_means``.
    """
    within = _within(x, speaker, vowel, cell_means(x, speaker, vowel))
    variances, axes = np.linalg.eigh(within + 1e-6 * np.trace(within) * np.eye(len(within)))
    return Scaling(x.mean(axis=0), (axes * (SPREAD / np.sqrt(variances))) @ axes.T)


def drawn_speakers(
    rng: np.random.Generator, moments: Moments, *, speakers: int, items: int
) -> FactorDataset:
    """Items of speakers drawn from the model, with the factors speaker and vowel.

    Args:
      rng: of everything drawn.
      moments: of the training speakers.
      speakers: how many.
      items: of each speaker and vowel.
    """
    vowels, dim = moments.mean.shape
    directions = moments.directions.shape[1]

    def normal(covariance: np.ndarray, *shape: int) -> np.ndarray:
        return rng.normal(size=(*shape, dim)) @ _root(covariance).T

    centres = (
        moments.mean
        + normal(moments.offset, speakers, 1)
        + np.einsum("va,sad->svd", moments.directions, normal(moments.turn, speakers, directions))
        + normal(moments.own, speakers, vowels)
    )
    x = centres[:, :, None] + normal(moments.noise, speakers, vowels, items)
    speaker, vowel, _ = np.indices(x.shape[:3])
    return FactorDataset(
        x.reshape(-1, dim).astype(np.float32),
        {"speaker": speaker.ravel(), "vowel": vowel.ravel()},
    )


def _within(x: np.ndarray, speaker: np.ndarray, vowel: np.ndarray, means: np.ndarray) -> np.ndarray:
    """The covariance of items about the means [S, V, D] of their speaker and vowel, [D, D]."""
    _, rows = np.unique(speaker, return_inverse=True)
    return _covariance(x - means[rows, vowel], len(x) - means.shape[0] * means.shape[1])


def _covariance(x: np.ndarray, free: int) -> np.ndarray:
    """[D, D] of deviations [..., D] with so many degrees of freedom."""
    rows = x.reshape(-1, x.shape[-1])
    return rows.T @ rows / max(free, 1)


def _root(covariance: np.ndarray) -> np.ndarray:
    """A matrix R with R R^T = covariance, which may be singular."""
    variances, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(variances, 0.0))
