"""Reader of NumPy files: ``.npz``, or ``.npy`` with a table of factors.

Headers are checked before memory of their declared sizes is allocated, and pickle is never
used.
"""

import math
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import listed
from cal_jax.data.readers.table import built, read_table
from cal_jax.errors import InputError

MAX_BYTES = 1 << 36
"""Of one array."""

DEFLATE_RATIO = 1032
"""No deflated byte stands for more than so many."""

DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def read_arrays(
    path: Path,
    table: Path | Mapping[str, Sequence] | None = None,
    *,
    items: str | None = None,
    factors: Sequence[str] | None = None,
) -> FactorDataset:
    """A data set in a ``.npz`` or ``.npy`` file.

    Args:
        path: of the items; a ``.npz`` may hold their factors too, as arrays [I].
        table: of the factors: a CSV file, or arrays by name. None: those of the ``.npz``.
        items: name of the items in a ``.npz``; None: its only array of rank 2 or more.
        factors: names of the factors to keep, in this order; None: all.

    Raises:
        InputError: a file that cannot be read, is damaged or needs pickle, an array or a
            column that is missing, or whatever ``FactorDataset`` refuses. It names the file.
    """
    if path.suffix == ".npy":
        if table is None:
            raise InputError(f"{path}: items alone; accepted: a table of their factors beside it")
        with _opened(path) as file:
            _check_header(file, os.fstat(file.fileno()).st_size, math.inf, str(path))
        arrays, name = {"items": load_array(path, None)}, "items"
    else:
        shapes = check_archive(path)
        name = _items_name(path, shapes, items)
        wanted = [name]
        if table is None:
            columns = [key for key, shape in shapes.items() if key != name and len(shape) == 1]
            chosen = columns if factors is None else list(factors)
            for missing in set(chosen) - set(columns):
                raise InputError(
                    f"{path}: no factor {missing!r}; accepted: {listed(columns)}, arrays [I]"
                )
            wanted += chosen
        arrays = {key: load_array(path, key) for key in wanted}
    pixels = arrays.pop(name)
    if isinstance(table, Path):
        return built(f"{path}, {table}", pixels, read_table(table, factors))
    found = arrays if table is None else dict(table)
    kept = found if factors is None else {key: found[key] for key in factors if key in found}
    for missing in set(factors or ()) - set(kept):
        raise InputError(f"{path}: no factor {missing!r}; accepted: {listed(tuple(found))}")
    return built(path, pixels, kept)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); accepted: a .npz or .npy file"
        ) from error


def check_archive(path: Path, only: Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
    """The shapes of a .npz's arrays, checked against the size of the archive.

    Args:
        path: of the archive.
        only: names of the arrays to check; the others are not looked at. None: all.
    """
    shapes = {}
    with _opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    name = member.filename.removesuffix(".npy")
                    if only is not None and name not in only:
                        continue
                    with archive.open(member) as stream:
                        most = member.compress_size * (
                            1 if member.compress_type == zipfile.ZIP_STORED else DEFLATE_RATIO
                        )
                        shapes[name] = _check_header(
                            cast(BinaryIO, stream), member.file_size, most, f"{path}: {name}"
                        )
        except InputError:
            raise
        except (*DAMAGED, RuntimeError, NotImplementedError) as error:
            raise InputError(
                f"{path}: {_said(error)}; accepted: a whole .npz file, not encrypted"
            ) from error
    return shapes


def _check_header(file: BinaryIO, held: int, most: float, name: str) -> tuple[int, ...]:
    """The shape declared by a .npy header, checked against ``held`` bytes in all.

    Args:
        file: at its start.
        held: actual or declared number of bytes.
        most: maximum number of bytes.
        name: for errors.
    """
    accepted = "accepted: an array of numbers or strings as numpy.save writes it"
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise InputError(f"{name}: .npy version {version}; {accepted}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise InputError(f"{name}: {_said(error)}; {accepted}") from error
    if dtype.hasobject:
        raise InputError(f"{name}: Python objects, which need pickle; {accepted}")
    declared, present = math.prod(shape) * dtype.itemsize, held - file.tell()
    if declared > MAX_BYTES or min(shape, default=0) < 0:
        raise InputError(f"{name}: shape {shape} of {dtype}; accepted: up to {MAX_BYTES} bytes")
    if declared != present or held > most:
        raise InputError(
            f"{name}: {min(present, most):.0f} bytes after the header; accepted: {declared}, as "
            "the header says"
        )
    return shape


def _items_name(path: Path, shapes: Mapping[str, tuple[int, ...]], items: str | None) -> str:
    candidates = [name for name, shape in shapes.items() if len(shape) > 1]
    if items is not None and items not in shapes:
        raise InputError(f"{path}: no array {items!r}; accepted: {listed(tuple(shapes))}")
    if items is None and len(candidates) != 1:
        raise InputError(
            f"{path}: {len(candidates)} arrays of rank 2 or more ({listed(candidates)}); "
            "accepted: one, or the name of the items"
        )
    return candidates[0] if items is None else items


def load_array(path: Path, name: str | None) -> np.ndarray:
    """An array of a checked .npz by its name, or that of a .npy (None)."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if name is None:
            return loaded
        with loaded:
            return loaded[name]
    except DAMAGED as error:
        where = path if name is None else f"{path}: {name}"
        raise InputError(f"{where}: {_said(error)}; accepted: a whole .npy or .npz file") from error


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
