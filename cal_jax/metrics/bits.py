"""Bits per dimension, comparable between item shapes."""

import math

import numpy as np

from cal_jax.errors import InputError


def bits_per_dimension(
    nats_per_item: np.ndarray | float, event_shape: tuple[int, ...]
) -> np.ndarray:
    """-log2 p(x) for each number of an item; 8 is a uniform guess among 256 levels.

    Args:
      nats_per_item: log p(x) of items of shape X, or a lower bound on it, in nats: [...].
      event_shape: X.

    Returns:
      float64 [...], an upper bound where the nats are a lower one.

    Raises:
      InputError: an event without numbers.
    """
    dimensions = math.prod(event_shape)
    if dimensions < 1:
        raise InputError(f"event_shape {tuple(event_shape)}: no numbers; accepted: 1 or more")
    return -np.asarray(nats_per_item, np.float64) / (dimensions * math.log(2.0))
