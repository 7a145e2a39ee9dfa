"""The values of sets' factors where some combinations never occur.

Shape letters: M sets, N items in a set, K factors, V_k values of factor k.
"""

import math

import numpy as np

from cal_jax.errors import InputError


def allowed_values(
    rng: np.random.Generator, allowed: np.ndarray, labels: np.ndarray, set_size: int
) -> np.ndarray:
    """Draw the factors of sets so that every item shows an allowed combination.

    The constant factors of a set take a combination of their values, uniform among those
    that occur in some allowed one; those that vary take one for every item, uniform among
    those allowed beside it. Where all is allowed, factors are uniform and independent.

    Args:
        rng: of the draws.
        allowed: bool [V_1, ..., V_K], which combinations may occur.
        labels: [M, K], 1 where a factor is constant, 0 where it varies.
        set_size: N.

    Returns:
        int64 [M, N, K].

    Raises:
        InputError: nothing is allowed.
    """
    if not allowed.any():
        raise InputError("allowed: no combination of values; accepted: 1 or more")
    values = np.empty((len(labels), set_size, allowed.ndim), np.int64)
    for label in np.unique(labels, axis=0):
        sets = np.flatnonzero((labels == label).all(axis=1))
        order = np.argsort(label == 0, kind="stable")  # constant factors first
        ordered = allowed.transpose(order)
        num_constant = int(np.count_nonzero(label))
        table = ordered.reshape(math.prod(ordered.shape[:num_constant]), -1)
        shared = rng.choice(np.flatnonzero(table.any(axis=1)), size=len(sets))[:, None]
        ranks = rng.integers(table.sum(axis=1)[shared], size=(len(sets), set_size))
        allowed_first = np.argsort(~table, axis=1, kind="stable")
        cells = shared * table.shape[1] + allowed_first[shared, ranks]
        drawn = np.stack(np.unravel_index(cells, ordered.shape), axis=-1)
        values[sets] = drawn[..., np.argsort(order)]
    return values
