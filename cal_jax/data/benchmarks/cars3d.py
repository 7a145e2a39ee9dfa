"""Cars3D (Reed et al. 2015): pictures of 183 cars from all sides, three factors."""

import io
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cal_jax.data.benchmarks.tables import require_bytes, require_file
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

SOURCE = "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz"
FOLDER = "cars"
"""Of the car's files inside the tar; the tar's other folders are not read."""
HALVED = 2
"""Pixels of a file that a pixel of an item averages, along each side: 128 become 64."""
MOST_BYTES = 1 << 26
"""Of one file."""


def read_cars3d(path: Path | str) -> FactorDataset:
    """The data set in its published tar; whole, 17,568 images.

    Args:
        path: of the tar, packed or not, or of a folder with its files ``cars/*.mat``.

    Returns:
        Items uint8 [I, 64, 64, 3], means of 2 x 2 pixels; the car by its file's name, azimuth
        and elevation by number.

    Raises:
        InputError: SciPy is missing; no such file, no cars in it, one that is damaged or of
            another type or shape. It names the file.
    """
    path, images, columns, shape = Path(path), [], [], None
    for name, content in sorted(_files(path)):
        pictures = _pictures(content, f"{path}: {name}")
        if shape not in (None, pictures.shape):
            raise InputError(f"{path}: {name}: im {pictures.shape}; accepted: {shape}, as before")
        shape = pictures.shape
        azimuth, elevation = np.indices(shape[:2]).reshape(2, -1)
        columns.append((np.full(len(azimuth), PurePosixPath(name).stem), azimuth, elevation))
        images.append(_halved(pictures.reshape(-1, *shape[2:])))
    if not images:
        raise InputError(f"{path}: no {FOLDER}/*.mat in it; accepted: the tar of {SOURCE}")
    factors = map(np.concatenate, zip(*columns, strict=True))
    table = dict(zip(("car", "azimuth", "elevation"), factors, strict=True))
    return built(path, np.concatenate(images), table)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The names and the contents of the cars' files."""
    if path.is_dir():
        for file in (path / FOLDER).glob("*.mat"):
            if file.stat().st_size <= MOST_BYTES and file.is_file():
                yield file.name, file.read_bytes()
        return
    require_file(path, SOURCE)
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                parts = PurePosixPath(member.name)
                if parts.parent.name != FOLDER or parts.suffix != ".mat":
                    continue
                if not member.isfile() or member.size > MOST_BYTES:
                    raise InputError(
                        f"{path}: {member.name}: {member.size} bytes, or no plain file; "
                        f"accepted: files of up to {MOST_BYTES} bytes"
                    )
                stream = archive.extractfile(member)
                assert stream is not None
                yield parts.name, stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: no tar, or damaged ({type(error).__name__}); accepted: that of {SOURCE}"
        ) from error


def _pictures(content: bytes, name: str) -> np.ndarray:
    """A car's pictures, uint8 [azimuth, elevation, H, W, 3]."""
    try:
        from scipy import io as matlab
    except ImportError as error:
        raise InputError(
            f"{name}: .mat files need SciPy, which is missing; accepted: pip install "
            "'cal-jax[data]'"
        ) from error
    kinds = {found: (shape, kind) for found, shape, kind in _tried(matlab.whosmat, content, name)}
    if "im" not in kinds:
        raise InputError(f"{name}: no array 'im'; accepted: a file of {SOURCE}")
    require_bytes(f"{name}: im", *kinds["im"], (None, None, 3, None, None))
    with_cases = _tried(lambda file: matlab.loadmat(file, variable_names=["im"]), content, name)
    found = with_cases["im"]
    if found.shape[0] % HALVED or found.shape[1] % HALVED:
        raise InputError(f"{name}: im {found.shape}; accepted: even height and width")
    return np.transpose(found, (3, 4, 0, 1, 2))


def _tried(read: Any, content: bytes, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read(io.BytesIO(content))
    except Exception as error:  # SciPy's reader raises arbitrary exceptions of damaged files
        raise InputError(
            f"{name}: no MATLAB file of version 5, or damaged ({type(error).__name__}); "
            f"accepted: a file of {SOURCE}"
        ) from error


def _halved(images: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, rounded: uint8 [B, H / 2, W / 2, 3]."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // HALVED, HALVED, width // HALVED, HALVED, channels)
    return np.round(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)
