"""Batches of data sets as a pure function of the seed and the step."""

import numpy as np

from cal_jax.errors import InputError


def steps_per_epoch(num_sets: int, batch_size: int) -> int:
    """Whole batches in one pass over the data sets; a partial last one is dropped.

    Raises:
      InputError: where not even one batch is full.
    """
    if not 1 <= batch_size <= num_sets:
        raise InputError(
            f"batch_size must be 1 to the number of data sets, {num_sets}: got {batch_size}"
        )
    return num_sets // batch_size


def batch_rows(seed: int, num_sets: int, batch_size: int, start: int, stop: int) -> np.ndarray:
    """Rows of the data sets for the steps ``start`` to ``stop``, int32 [stop - start, B].

    Every epoch is a new permutation drawn from (seed, epoch) alone, so a
    resumed run takes the same batches as an uninterrupted one.
    """
    per_epoch = steps_per_epoch(num_sets, batch_size)
    epochs = range(start // per_epoch, -(-stop // per_epoch))
    rows = [_epoch_rows(seed, epoch, num_sets)[: per_epoch * batch_size] for epoch in epochs]
    batches = np.concatenate(rows).reshape(-1, batch_size)
    offset = epochs.start * per_epoch
    return batches[start - offset : stop - offset].astype(np.int32)


def _epoch_rows(seed: int, epoch: int, num_sets: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(num_sets)
