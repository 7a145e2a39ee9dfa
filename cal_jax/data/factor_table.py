"""Validation of items and of their table of factors.

Shape letters: I items, *X the shape of an item, V values of a factor.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cal_jax.errors import InputError

CHUNK_BYTES = 1 << 26
"""Approximate chunk size of the search for numbers that are not finite."""


def checked_items(items: Any) -> np.ndarray:
    """Items as uint8 or float32 [I, *X], all finite; other floats become float32.

    Raises:
        InputError: another type, rank 1 or less, an empty array, a number that is NaN, or
            infinite in float32. It names the first row at fault.
    """
    accepted = "accepted: uint8 or float32 [I, ...]"
    try:
        array = np.asarray(items)
    except ValueError as error:
        raise InputError(f"items: of several shapes; {accepted}, items of one shape") from error
    if array.dtype == object:
        raise InputError(f"items: an array of Python objects; {accepted}, items of one shape")
    is_float = np.issubdtype(array.dtype, np.floating)
    if array.dtype != np.uint8 and not is_float:
        raise InputError(f"items: {array.dtype}; {accepted}: convert them with .astype first")
    if array.ndim < 2:
        raise InputError(f"items: shape {array.shape}; {accepted}: [I, 1] for single numbers")
    if not array.size:
        raise InputError(f"items: shape {array.shape}, nothing in it; {accepted}, none of them 0")
    return _finite(array) if is_float else array


def _finite(array: np.ndarray) -> np.ndarray:
    """The same numbers in float32, checked in chunks."""
    step = max(1, CHUNK_BYTES // (4 * array[0].size))
    result = array if array.dtype == np.float32 else np.empty(array.shape, np.float32)
    for start in range(0, len(array), step):
        piece = array[start : start + step]
        with np.errstate(over="ignore"):
            piece = piece.astype(np.float32, copy=False)
        finite = np.isfinite(piece)
        if not finite.all():
            row = int(np.argmin(finite.reshape(len(piece), -1).all(axis=1)))
            raise InputError(
                f"items: row {start + row} holds NaN or infinity; accepted: finite float32 numbers"
            )
        if result is not array:
            result[start : start + step] = piece
    return result


def checked_column(name: str, values: Any, num_items: int) -> np.ndarray:
    """A factor's column [I]: strings, integers, booleans or finite floats.

    Raises:
        InputError: another type or length, a number that is not finite, an empty string. It
            names the column and, where there is one, the row.
    """
    accepted = "accepted: strings, integers or finite numbers [I]"
    try:
        column = np.asarray(values)
    except ValueError as error:
        raise InputError(f"factor {name!r}: not one value an item; {accepted}") from error
    if column.dtype == object or column.dtype.kind not in "UiubfT":
        raise InputError(
            f"factor {name!r}: {column.dtype}; {accepted}: convert it with .astype first"
        )
    if column.shape != (num_items,):
        raise InputError(
            f"factor {name!r}: shape {column.shape}; accepted: ({num_items},), one value an item"
        )
    if column.dtype.kind == "f":
        wrong, what = ~np.isfinite(column), "NaN or infinity"
    elif column.dtype.kind in "UT":
        wrong, what = column == "", "an empty string"
    else:
        return column
    if wrong.any():
        raise InputError(
            f"factor {name!r}: row {np.argmax(wrong)} is {what}; accepted: a value in every row"
        )
    return column


def encoded(
    name: str, column: np.ndarray, names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A column as codes int32 [I] of the names of its values.

    Args:
        name: of the factor, for errors.
        column: see ``checked_column``.
        names: of its values, in order; some may not occur. None: the
            values that occur, numbers by size, strings in alphabetical order, or by size
            where all of them are whole numbers.

    Raises:
        InputError: ``names`` lacks a value.
    """
    present, inverse = np.unique(column, return_inverse=True)
    strings = [str(value) for value in present]
    ordered = _in_order(strings) if names is None else tuple(map(str, names))
    if column.dtype.kind not in "UT" and names is None:
        ordered = tuple(strings)
    place = {value: code for code, value in enumerate(ordered)}
    for index, value in enumerate(strings):
        if value not in place:
            raise InputError(
                f"factor {name!r}: row {np.argmax(inverse == index)} is {value!r}; "
                f"accepted: {listed(ordered)}"
            )
    codes = np.asarray([place[value] for value in strings], np.int32)
    return codes[inverse], ordered


def _in_order(strings: Sequence[str]) -> tuple[str, ...]:
    whole = all(value.isascii() and value.isdigit() for value in strings)
    return tuple(sorted(strings, key=lambda value: (int(value), value)) if whole else strings)


def checked_names(name: str, names: Sequence[Any]) -> tuple[str, ...]:
    """Names of a factor's values as strings.

    Raises:
        InputError: none, or one twice.
    """
    strings = tuple(map(str, names))
    if isinstance(names, str) or not strings or len(set(strings)) < len(strings):
        raise InputError(f"factor {name!r}: value names {names!r}; accepted: 1 or more, each once")
    return strings


def checked_combinations(
    what: str, tables: Mapping[tuple[str, ...], Any], sizes: Mapping[str, int], kinds: str
) -> dict[tuple[str, ...], np.ndarray]:
    """Tables over the values of several factors: names to an array [V_1, V_2, ...].

    Args:
        what: name of the argument, for errors.
        tables: by their factors.
        sizes: how many values each factor has.
        kinds: of dtype that is accepted: "b", or "iu".

    Raises:
        InputError: an unknown factor, another shape or dtype. It names the factors.
    """
    checked = {}
    for names, table in tables.items():
        if isinstance(names, str) or not names or not set(names) <= set(sizes):
            raise InputError(f"{what}: {names!r}; accepted: tuples of {listed(tuple(sizes))}")
        array, shape = np.asarray(table), tuple(sizes[name] for name in names)
        if array.shape != shape or array.dtype.kind not in kinds:
            raise InputError(
                f"{what} {names}: {array.dtype} {array.shape}; "
                f"accepted: {'bool' if kinds == 'b' else 'integers'} {shape}"
            )
        checked[tuple(names)] = array
    return checked


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names separated by commas, the first few of many."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def joint_codes(columns: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """One code int64 [I] a row of ``columns`` [I, F], equal where the rows are.

    Codes are in the order of the rows, the first column most significant.
    """
    codes, span = np.zeros(len(columns), np.int64), 1
    for column, size in zip(columns.T, map(int, sizes), strict=True):
        if span > (1 << 62) // max(1, size):
            present, codes = np.unique(codes, return_inverse=True)
            span = len(present)
        codes, span = codes * size + column, span * size
    return codes
