"""Scores that merge look-alike labels (suffix ``_merged``).

A 6 rotated by 180 degrees is a 9; 0, 1 and 8 are symmetric: no oracle can distinguish
such labels, so either prediction is correct if one is. Shapes: S sets, N items in a
set, A predictions of an item, F factors.
"""

import functools
from collections.abc import Callable

import numpy as np

from cal_jax.data.rotation import ROTATIONS, UPSIDE_DOWN


def readings_of_rotated_digits(labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Labels int [..., F] with their look-alikes: [..., 2, F].

    (6, t) = (9, t + 180), and (d, t) = (d, t + 180) for d in {0, 1, 8}; other labels
    occur twice.

    Args:
        labels: of items.
        names: of the F factors, ``digit`` and ``rotation`` among them.
    """
    digit, rotation = names.index("digit"), names.index("rotation")
    other = labels.copy()
    for seen, is_also in UPSIDE_DOWN.items():
        same = labels[..., digit] == seen
        other[..., digit][same] = is_also
        turned = (labels[..., rotation][same] + ROTATIONS // 2) % ROTATIONS
        other[..., rotation][same] = turned
    return np.stack([labels, other], axis=-2)


def merge_of(names: tuple[str, ...]) -> Callable[[np.ndarray], np.ndarray] | None:
    """``readings_of_rotated_digits`` of these factors; None without rotation."""
    if "rotation" not in names:
        return None
    return functools.partial(readings_of_rotated_digits, names=names)


def conditional_merged(readings: np.ndarray, truth: np.ndarray) -> float:
    """The share of items with a prediction equal to the label of their set's condition.

    Args:
        readings: of one factor, int [S, N, A].
        truth: int [S].
    """
    return float(np.mean((readings == truth[:, None, None]).any(axis=-1)))


def agreement_merged(readings: np.ndarray) -> float:
    """The share of items with a prediction equal to the best label of their set.

    Args:
        readings: of one factor, int [S, N, A].
    """
    counts = [(readings == value).any(axis=-1).sum(axis=1) for value in np.unique(readings)]
    return float(np.mean(np.max(counts, axis=0)) / readings.shape[1])


def joint_merged(readings: np.ndarray, truth: np.ndarray) -> float:
    """The share of items with a prediction of which every factor is correct.

    Args:
        readings: int [S, N, A, F].
        truth: int [S, F].
    """
    right = (readings == truth[:, None, None, :]).all(axis=-1)
    return float(np.mean(right.any(axis=-1)))
