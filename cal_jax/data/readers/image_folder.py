"""Reader of a folder of images with a CSV file of their names and factors."""

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
    """Read the images that a table lists, in its order.

    Args:
        folder: base of the table's relative paths.
        table: a CSV file with one row an image; unlisted images are ignored.
        file_column: the column of paths; the other columns are factors.
        factors: columns to keep, in this order; None: all.
        mode: see ``images.decode_images``.

    Raises:
        InputError: no such folder or column, a path that is outside the folder, is no file or
            occurs twice, or see the table, the images and ``FactorDataset``. It names
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
