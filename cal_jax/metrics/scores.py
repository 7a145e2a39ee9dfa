"""Scores of a model from an oracle's predictions on its generated sets.

Shapes: S sets, N items in a set, F factors. All functions take numpy arrays. A value
of 1 is perfect for all but `diversity`, where it means "as diverse as real sets".
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError

FRACTION = "fraction"
RATIO = "ratio"
NATS_PER_ITEM = "nats per item"
BITS = "bits per dimension"
UNITS = (FRACTION, RATIO, NATS_PER_ITEM, BITS)
_DISPLAY = {
    FRACTION: (100.0, 1, "%"),
    RATIO: (1.0, 3, RATIO),
    NATS_PER_ITEM: (1.0, 2, NATS_PER_ITEM),
    BITS: (1.0, 3, BITS),
}


class Score(NamedTuple):
    """One number about a run.

    Attributes:
        value: the score.
        ceiling: the best attainable value: the same score of real sets under the same
            oracle, or of exact inference; None if there is none.
        unit: one of `UNITS`.
    """

    value: float
    ceiling: float | None
    unit: str


def shown(number: float | None, unit: str, *, beside: float | None = None) -> str:
    """Format a score, ceiling or spread of `unit` for tables; empty for None.

    Nats have three decimals below 10 and two above; ``beside`` is the number that decides,
    if not ``number`` itself: a spread has as many as its mean.
    """
    if number is None:
        return ""
    scale, digits, _ = _DISPLAY[unit]
    if unit == NATS_PER_ITEM and abs(number if beside is None else beside) < 10:
        digits += 1
    return f"{scale * number:.{digits}f}"


def shown_unit(unit: str) -> str:
    """The unit beside `shown` in tables: percentages for fractions."""
    return _DISPLAY[unit][2]


def conditional(predictions: ArrayLike, truth: ArrayLike) -> float:
    """The share of items with the label that their set is conditioned on.

    Args:
        predictions: labels of generated items, int [S, N].
        truth: the conditioning label of each set, int [S].
    """
    labels = _labels(predictions, 2)
    wanted = _labels(truth, 1)
    if len(labels) != len(wanted):
        raise InputError(f"{len(labels)} sets of predictions, {len(wanted)} conditioning labels")
    return float(np.mean(labels == wanted[:, None]))


def agreement(predictions: ArrayLike) -> float:
    """The share of items whose label is the modal label of their set.

    Chance is far above 1 / values: for two values in sets of ten items it is 62 %.

    Args:
        predictions: labels of generated items, int [S, N].
    """
    return float(np.mean(_counts(predictions).max(axis=1)) / np.shape(predictions)[1])


def pair_difference(predictions: ArrayLike) -> float:
    """The probability that two different items of one set have different labels.

    Args:
        predictions: labels, int [S, N] with N >= 2.
    """
    counts = _counts(predictions)
    items = np.shape(predictions)[1]
    if items < 2:
        raise InputError("diversity needs sets of two items or more")
    same = (counts * (counts - 1)).sum(axis=1) / (items * (items - 1))
    return float(np.mean(1.0 - same))


def diversity(predictions: ArrayLike, real: ArrayLike) -> float:
    """`pair_difference` of generated sets over that of real sets of the same label.

    Args:
        predictions: labels of generated items, int [S, N].
        real: labels of real items, int [S', N'].
    """
    expected = pair_difference(real)
    if expected == 0.0:
        raise InputError("the real sets do not vary in this factor: diversity has no scale")
    return pair_difference(predictions) / expected


def joint(predictions: ArrayLike, truth: ArrayLike) -> float:
    """The share of items with every factor correct.

    Args:
        predictions: labels of generated items, int [S, N, F].
        truth: the wanted labels of each set, int [S, F].
    """
    labels = _labels(predictions, 3)
    wanted = _labels(truth, 2)
    if (labels.shape[0], labels.shape[2]) != wanted.shape:
        raise InputError(f"predictions {labels.shape} do not match labels {wanted.shape}")
    return float(np.mean((labels == wanted[:, None, :]).all(axis=2)))


def mutual_information(first: ArrayLike, second: ArrayLike) -> float:
    """The mutual information of two labels of one item, in nats: the plug-in estimate.

    Of independent labels it is above 0 by about (values - 1) (values' - 1) / (2 items).

    Args:
        first: labels of items, int [S, N].
        second: other labels of the same items, int [S, N].
    """
    from sklearn.metrics import mutual_info_score

    one, other = _labels(first, 2).ravel(), _labels(second, 2).ravel()
    if one.shape != other.shape:
        raise InputError(f"labels of {one.size} items do not match labels of {other.size}")
    return float(mutual_info_score(one, other))


def _labels(labels: ArrayLike, rank: int) -> np.ndarray:
    array = np.asarray(labels)
    if array.ndim != rank or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        raise InputError(
            f"expected integer labels of rank {rank}, not {array.dtype} of shape {array.shape}"
        )
    return array


def _counts(predictions: ArrayLike) -> np.ndarray:
    """Counts of each label in each set: int [S, values]."""
    labels = _labels(predictions, 2)
    return np.stack([(labels == value).sum(axis=1) for value in np.unique(labels)], axis=1)
