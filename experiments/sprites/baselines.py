"""Syntheses without a model: factors that add up, and the training frame that is nearest to that.

Shape letters: M syntheses, K sources, N frames of a source, H x W x 3 levels.
"""

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.sprite_frames import render_frames

CHUNK = 4_000
"""Training frames at a time."""


def additive(sources: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The sum of what each source has beyond the mean frame, cut to 0 to 255: [M, H, W, 3].

    Args:
      sources: [M, K, N, H, W, 3].
      centre: the mean of training frames, [H, W, 3].
    """
    beyond = sources.mean(axis=2, dtype=np.float32) - centre[None, None]
    total: np.ndarray = np.clip(beyond.sum(axis=1) + centre[None], 0.0, 255.0)
    return total


def mean_and_nearest(train: FactorDataset, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The additive frames, and the training frame at the least squared distance from each.

    Args:
      train: frames.
      sources: [M, K, N, H, W, 3].

    Returns:
      Two arrays [M, H, W, 3].
    """
    chunks = np.array_split(np.arange(train.num_items), -(-train.num_items // CHUNK))
    total = np.zeros(train.event_shape, np.float64)
    for rows in chunks:
        total += render_frames(train, rows).sum(axis=0, dtype=np.float64)
    made = additive(sources, (total / train.num_items).astype(np.float32))
    flat = made.reshape(len(made), -1)
    least, nearest = np.full(len(made), np.inf), np.zeros(len(made), int)
    for rows in chunks:
        x = render_frames(train, rows).reshape(len(rows), -1).astype(np.float32)
        distance = (x**2).sum(axis=1)[None] - 2.0 * flat @ x.T
        best = distance.argmin(axis=1)
        found = distance[np.arange(len(made)), best]
        nearest = np.where(found < least, rows[best], nearest)
        least = np.minimum(found, least)
    return made, render_frames(train, nearest)
