"""Communication between the processes of a run; trivial for a single process."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from cal_jax.cli.processes import is_first
from cal_jax.errors import BAD_INPUT, InputError, TogetherError
from cal_jax.training import leaves

Value = TypeVar("Value")


def together(action: Callable[[], Value]) -> Value:
    """The value of ``action`` on every process; if one fails, all exit.

    Raises:
      TogetherError: the action's InputError, on the first process that has one.
      SystemExit: with code 2, on the others.
    """
    if jax.process_count() == 1:
        return action()
    error = None
    try:
        value = action()
    except InputError as refused:
        error = refused
    refusing = np.flatnonzero(_gathered(np.int32(error is not None)))
    if not refusing.size:
        return value
    if refusing[0] == jax.process_index():
        raise TogetherError(str(error)) from error
    raise SystemExit(BAD_INPUT)


def on_first(action: Callable[[], Value]) -> Value | None:
    """``action`` on process 0; None on the others. An InputError ends all, as ``together``."""
    return together(action if is_first() else lambda: None)


def require_same(text: str, what: str) -> None:
    """Compare ``text`` between the processes.

    Raises:
      TogetherError, SystemExit: it differs; as ``together``.
    """
    digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    differ = jax.process_count() > 1 and np.ptp(_gathered(digest), axis=0).any()

    def compare() -> None:
        if differ:
            raise InputError(f"the processes differ in {what}: start all of them alike")

    together(compare)


def largest(value: int) -> int:
    """The largest of the processes' values."""
    return value if jax.process_count() == 1 else int(_gathered(np.int32(value)).max())


def of_first(value: Any) -> Any:
    """Process 0's ``value``, which is JSON, on every process."""
    if jax.process_count() == 1:
        return value
    return json.loads(_bytes_of_first(json.dumps(value).encode()))


def arrays_of_first(tree: Any) -> Any:
    """Process 0's host arrays on every process, bit for bit; the trees are of one structure."""
    if jax.process_count() == 1:
        return tree
    arrays = leaves.to_arrays(tree)
    body = _bytes_of_first(b"".join(array.tobytes() for array in arrays))
    ends = np.cumsum([array.nbytes for array in arrays])
    parts = [body[end - array.nbytes : end] for array, end in zip(arrays, ends, strict=True)]
    restored = [
        np.frombuffer(part, array.dtype).reshape(array.shape)
        for part, array in zip(parts, arrays, strict=True)
    ]
    return leaves.from_arrays(restored, tree)


def _gathered(value: Any) -> np.ndarray:
    """``value`` of every process, with a leading axis [P]."""
    return np.asarray(multihost_utils.process_allgather(np.asarray(value)[None], tiled=True))


def _bytes_of_first(body: bytes) -> bytes:
    """Process 0's bytes: their length in two halves, which 32-bit integers hold, and themselves."""
    high, low = multihost_utils.broadcast_one_to_all(np.array(divmod(len(body), 2**31), np.int32))
    size = int(high) * 2**31 + int(low)
    mine = np.frombuffer(body, np.uint8) if is_first() else np.zeros(size, np.uint8)
    return multihost_utils.broadcast_one_to_all(mine).tobytes()
