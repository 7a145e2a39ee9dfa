"""Shapes3D (Burgess & Kim 2018): an object in a room, 64 x 64 in colour, six factors."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from cal_jax.data.benchmarks.tables import require_bytes, require_file
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.arrays import DEFLATE_RATIO
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

SOURCE = "https://github.com/google-deepmind/3d-shapes"
FILE = "3dshapes.h5"
FACTORS = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
SHAPES = ("cube", "cylinder", "sphere", "capsule")
SIDE = 64


def read_shapes3d(path: Path | str) -> FactorDataset:
    """The data set in its published file; the whole one has 480,000 images, 5.9e9 bytes.

    Args:
        path: of the HDF5 file.

    Returns:
        Items uint8 [I, 64, 64, 3]; shape by name, the other factors by the file's numbers.

    Raises:
        InputError: h5py is missing; no such file, one that is no HDF5 or damaged, arrays that
            are missing, elsewhere, of another type or shape. It names the file.
    """
    path = Path(path)
    require_file(path, f"{SOURCE}, {FILE}")
    images, labels = _arrays(path)
    shape = labels[:, FACTORS.index("shape")]
    if not np.isin(shape, range(len(SHAPES))).all():
        raise InputError(f"{path}: labels: a shape that is not 0 to 3; accepted: {FILE}")
    columns: dict[str, np.ndarray] = dict(zip(FACTORS, labels.T, strict=True))
    columns["shape"] = np.asarray(SHAPES)[shape.astype(int)]
    return built(path, images, columns, value_names={"shape": SHAPES})


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images and their labels float64 [I, 6]."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path}: HDF5 files need h5py, which is missing; accepted: pip install 'cal-jax[data]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            images, labels = (_own(h5py, file, name, path) for name in ("images", "labels"))
            require_bytes(f"{path}: images", images.shape, images.dtype, (None, SIDE, SIDE, 3))
            wanted = (len(images), len(FACTORS))
            if labels.shape != wanted or labels.dtype.kind not in "fiu":
                raise InputError(
                    f"{path}: labels: {labels.dtype} {labels.shape}; accepted: numbers {wanted}"
                )
            return images[...], labels[...].astype(np.float64)
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: no HDF5, or damaged ({type(error).__name__}); accepted: {FILE} of {SOURCE}"
        ) from error


def _own(h5py: Any, file: Any, name: str, path: Path) -> Any:
    """A data set that the file itself holds, its size checked against what is stored."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise InputError(f"{path}: no array {name!r} of its own; accepted: {FILE} of {SOURCE}")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise InputError(f"{path}: {name}: no array of the file's own; accepted: {FILE}")
    declared, stored = math.prod(found.shape) * found.dtype.itemsize, found.id.get_storage_size()
    if declared > DEFLATE_RATIO * stored:
        raise InputError(
            f"{path}: {name}: {stored} bytes stored; accepted: those of the {declared} declared"
        )
    return found
