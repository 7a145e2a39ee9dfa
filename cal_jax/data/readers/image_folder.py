"""A folder of images with a CSV file that names each image and its factors."""

from collections.abc import Sequence
from pathlib import Path

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.images import Mode, decode_images, inside
from cal_jax.data.readers.table import built, read_table
from cal_jax.errors import InputError


def read_image_folder(
    folder: Path,
    table: Path,
    *,
    file_column: str = "file",
    factors: Sequence[str] | None = None,
    mode: Mode | None = None,
) -> FactorDataset:
    """The images that a table lists, in its order.

    Args:
        folder: that the table's paths are relative to.
        table: a CSV file with one row an image; images that it does not name are left out.
        file_column: the column of paths; those that remain are factors.
        factors: columns to keep, in this order; None: all.
        mode: see ``images.decode_images``.

    Raises:
        InputError: no such folder or column, a path that leaves the folder, is no file or
            comes twice, or what the table, the images or ``FactorDataset`` refuse. It names
            the file, and the row of the table below its header, from 1.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; accepted: one of images")
    wanted = None if factors is None else [file_column, *factors]
    columns = read_table(table, wanted)
    if file_column not in columns:
        raise InputError(
            f"{table}: no column {file_column!r}; accepted: a column of paths, named {file_column} "
            "or by file_column"
        )
    names = columns.pop(file_column).tolist()
    paths: dict[Path, int] = {}
    for row, name in enumerate(names, start=1):
        path = inside(folder, name, f"{table}: row {row}:")
        if path.resolve() in paths:
            raise InputError(
                f"{table}: row {row}: {name!r} again, as in row {paths[path.resolve()]}; "
                "accepted: each image once"
            )
        paths[path.resolve()] = row
    return built(table, decode_images([folder / name for name in names], mode), columns)
