"""Reader of CSV tables of factors: a header, then one row an item."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import listed
from cal_jax.errors import InputError


def read_table(path: Path, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read columns of a CSV file (TSV by its extension) as arrays of strings.

    Args:
        path: UTF-8, comma-separated; the first line names the columns.
        columns: to return, in this order; None: all of them.

    Returns:
        Name -> strings [I], without the spaces around them.

    Raises:
        InputError: the file cannot be read, is not UTF-8, has no header or no rows; a name
            twice or missing, a row of another length, an empty value in a column returned.
            It names the line.
    """
    header, rows, lines = _rows(path)
    chosen = header if columns is None else list(columns)
    for name in chosen:
        if name not in header:
            raise InputError(f"{path}: no column {name!r}; accepted: {listed(header)}")
    table = {}
    for name in chosen:
        values = [row[header.index(name)].strip() for row in rows]
        if "" in values:
            raise InputError(
                f"{path}: line {lines[values.index('')]} has no {name}; "
                "accepted: a value in every row"
            )
        table[name] = np.asarray(values)
    return table


def _rows(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line that each row ends on."""
    accepted = "accepted: a CSV file in UTF-8 with a header"
    rows, lines = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(
                file, "excel-tab" if path.suffix == ".tsv" else "excel", strict=True
            )
            header = [name.strip() for name in next(reader, [])]
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(reader.line_num)
                if row and len(row) != len(header):
                    raise InputError(
                        f"{path}: line {reader.line_num} has {len(row)} values; "
                        f"accepted: {len(header)}, as the header names"
                    )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {accepted}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; {accepted}") from error
    except csv.Error as error:
        raise InputError(
            f"{path}: line {len(lines) + 2} or after it: {error}; {accepted}"
        ) from error
    if not header or "" in header or len(set(header)) < len(header):
        raise InputError(f"{path}: header {header}; accepted: names, none empty, each once")
    if not rows:
        raise InputError(f"{path}: no rows below the header; accepted: one an item")
    return header, rows, lines


def built(source: Any, items: Any, factors: Mapping[str, Any], **fields: Any) -> FactorDataset:
    """A ``FactorDataset`` with the source in its error messages."""
    try:
        return FactorDataset(items, factors, **fields)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
