"""What the readers of published files share: their errors, and tables of every combination."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cal_jax.errors import InputError

MAX_BYTES = 1 << 34
"""Of the images of one data set: the largest, MPI3D, has 12.7e9."""


def every_combination(sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The value of each factor of every combination, the last factor fastest: int [I] each."""
    grid = np.indices(tuple(sizes.values())).reshape(len(sizes), -1)
    return dict(zip(sizes, grid, strict=True))


def require_file(path: Path, source: str) -> None:
    """Refuse a path without a file.

    Args:
        path: of the file.
        source: where it is to be had.

    Raises:
        InputError: then.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; accepted: that of {source}")


def require_bytes(
    name: str, shape: Sequence[int], dtype: object, wanted: Sequence[int | None]
) -> None:
    """Refuse an array that is not of unsigned bytes, or of another shape or too large.

    Args:
        name: of the file and the array, for errors.
        shape, dtype: of the array.
        wanted: the shape; None stands for any number but 0.

    Raises:
        InputError: then.
    """
    fits = len(shape) == len(wanted) and all(
        has > 0 if asked is None else has == asked for has, asked in zip(shape, wanted, strict=True)
    )
    if not fits or str(dtype) != "uint8" or math.prod(shape) > MAX_BYTES:
        letters = ", ".join("any" if asked is None else str(asked) for asked in wanted)
        raise InputError(
            f"{name}: {dtype} {tuple(shape)}; accepted: uint8 [{letters}], up to {MAX_BYTES} bytes"
        )
