"""Nearest-neighbour prediction in a feature space.

Shapes: M rows (sets) with F features each. The features are used as they are: the
distance is Euclidean, and scaling is the caller's task.
"""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError


def knn_accuracy(
    train: ArrayLike,
    train_labels: ArrayLike,
    test: ArrayLike,
    test_labels: ArrayLike,
    *,
    neighbours: int = 10,
) -> float:
    """The share of test rows whose label is the majority label of their nearest training rows.

    Args:
        train: features [M, F].
        train_labels: integer [M].
        test: features [M', F].
        test_labels: integer [M'].
        neighbours: number of training rows that vote.

    Raises:
        InputError: lengths or feature sizes that differ, features that are not finite,
            fewer training rows than ``neighbours``.
    """
    from sklearn.neighbors import KNeighborsClassifier

    train, test = _features(train, test, neighbours)
    train_labels = _one_each(train_labels, train, "train_labels")
    test_labels = _one_each(test_labels, test, "test_labels")
    model = KNeighborsClassifier(neighbours).fit(train, train_labels)
    return float(np.mean(model.predict(test) == test_labels))


def knn_r2(
    train: ArrayLike,
    train_targets: ArrayLike,
    test: ArrayLike,
    test_targets: ArrayLike,
    *,
    neighbours: int = 10,
) -> float:
    """R^2 on the test rows of the mean target of the nearest training rows.

    Args:
        train: features [M, F].
        train_targets: [M].
        test: features [M', F].
        test_targets: [M'].
        neighbours: number of training rows averaged.

    Raises:
        InputError: as ``knn_accuracy``; targets that are not finite or all the same.
    """
    from sklearn.neighbors import KNeighborsRegressor

    train, test = _features(train, test, neighbours)
    train_targets = _finite(_one_each(train_targets, train, "train_targets"), "train_targets")
    test_targets = _one_each(test_targets, test, "test_targets")
    model = KNeighborsRegressor(neighbours).fit(train, train_targets)
    return r2(model.predict(test), test_targets)


def r2(predicted: ArrayLike, target: ArrayLike) -> float:
    """The coefficient of determination, 1 - SSE / SST: 1 is perfect, 0 as good as the mean.

    Args:
        predicted: [M].
        target: [M], not all the same; SST is about its own mean.

    Raises:
        InputError: lengths that differ, values that are not finite, a constant target.
    """
    target = _finite(np.asarray(target, float), "target")
    predicted = _finite(_one_each(predicted, target, "predicted").astype(float), "predicted")
    total = np.sum((target - target.mean()) ** 2)
    if not total > 0:
        raise InputError("target: all values are the same; accepted: 2 different values or more")
    return float(1 - np.sum((target - predicted) ** 2) / total)


def _features(train: ArrayLike, test: ArrayLike, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name, values in (("train", train), ("test", test)):
        array = np.asarray(values, float)
        if array.ndim != 2 or not array.size:
            raise InputError(f"{name}: shape {array.shape}; accepted: [M, F], not empty")
        arrays.append(_finite(array, name))
    train, test = arrays
    if train.shape[1] != test.shape[1]:
        raise InputError(f"test: {test.shape[1]} features; accepted: {train.shape[1]} as in train")
    if not 1 <= neighbours <= len(train):
        raise InputError(f"neighbours {neighbours}; accepted: 1 to {len(train)} training rows")
    return train, test


def _one_each(values: ArrayLike, rows: np.ndarray, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != rows.shape[:1]:
        raise InputError(f"{name}: shape {array.shape}; accepted: {rows.shape[:1]}, one a row")
    return array


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(array).all():
        raise InputError(f"{name}: NaN or infinity; accepted: finite numbers")
    return array
