"""Validation of a trained model's input sets."""

import numpy as np

from cal_jax.errors import InputError
from cal_jax.models.context_aware.learner import ContextAwareLearner


def checked_sets(
    model: ContextAwareLearner, x: np.ndarray, mask: np.ndarray | None = None, *, name: str = "x"
) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Sets and their masks as float32 arrays with a leading axis of sets.

    Args:
      model: its event shape and likelihood determine the accepted items.
      x: [M, N, *X], or one set [N, *X].
      mask: [M, N], or [N]; None when all items count.
      name: of the sets, which opens the messages.

    Returns:
      x [M, N, *X]; mask [M, N] or None; whether x was one set.

    Raises:
      InputError: another shape, no items, or values of items that count outside the
        likelihood's support.
    """
    array, event = np.asarray(x), model.event_shape
    own, lead = ", ".join(map(str, event)), array.ndim - len(event)
    if lead not in (1, 2) or array.shape[lead:] != event:
        raise InputError(f"{name}: shape {array.shape}; accepted: [M, N, {own}] or [N, {own}]")
    if 0 in array.shape:
        raise InputError(f"{name}: shape {array.shape}; accepted: 1 set or more of 1 item or more")
    if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise InputError(f"{name}: {array.dtype}; accepted: numbers")
    if mask is not None and np.shape(mask) != array.shape[:lead]:
        raise InputError(f"mask: shape {np.shape(mask)}; accepted: {array.shape[:lead]}")
    counted = array if mask is None else array[np.asarray(mask) > 0]
    model.config.likelihood.check(counted, name)
    one = lead == 1
    sets = array.astype(np.float32)
    masks = None if mask is None else np.asarray(mask, np.float32)
    return (sets[None], None if masks is None else masks[None], one) if one else (sets, masks, one)
