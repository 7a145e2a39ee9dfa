"""Reader of all formats, chosen by the path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.arrays import read_arrays
from cal_jax.data.readers.image_folder import read_image_folder
from cal_jax.data.readers.image_tree import read_image_tree
from cal_jax.data.readers.prepared import prepared_versions, read_prepared
from cal_jax.errors import InputError


def read(path: str | Path, factors: Sequence[str] | None = None, **options: Any) -> FactorDataset:
    """Read a data set with the reader for ``path``.

    - ``.npz`` or ``.npy``: ``arrays.read_arrays`` (``table``, ``items``).
    - ``.csv`` or ``.tsv``: the images that it lists, relative to its folder, by
      ``image_folder.read_image_folder`` (``folder``, ``file_column``, ``mode``).
    - a directory prepared by tensorflow-datasets: ``prepared.read_prepared`` (``split``,
      ``items``).
    - another directory: a tree of images, by ``image_tree.read_image_tree`` (``mode``);
      ``factors`` names its levels.

    IDX files have no distinctive name: use ``idx_files.read_idx_files``.

    Args:
        path: the file or directory.
        factors: names of the factors to keep, or of a tree's levels.
        options: of the reader, named above.

    Raises:
        InputError: none of these, an option of another reader, or input that the reader refuses.
    """
    path = Path(path)
    try:
        if path.suffix in (".npz", ".npy"):
            if isinstance(options.get("table"), str):
                options["table"] = Path(options["table"])
            return read_arrays(path, factors=factors, **options)
        if path.suffix in (".csv", ".tsv"):
            folder = Path(options.pop("folder", path.parent))
            return read_image_folder(folder, path, factors=factors, **options)
        if path.is_dir() and prepared_versions(path):
            return read_prepared(path, factors=factors, **options)
        if path.is_dir() and factors:
            return read_image_tree(path, factors, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise InputError(f"{path}: {error}; accepted: the options of its reader") from error
    raise InputError(
        f"{path}: {'a directory' if path.is_dir() else 'not known'}; accepted: .npz, .npy, .csv "
        "or .tsv, a directory prepared by tensorflow-datasets, or a tree of images with factors="
    )
