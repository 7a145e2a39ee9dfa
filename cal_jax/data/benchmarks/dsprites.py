"""dSprites (Matthey et al. 2017): one white shape on black, 64 x 64, five factors."""

from pathlib import Path

import numpy as np

from cal_jax.data.benchmarks.tables import require_bytes, require_file
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.arrays import check_archive, load_array
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

SOURCE = "https://github.com/google-deepmind/dsprites-dataset"
FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
COLUMNS = ("color", "shape", "scale", "orientation", "x", "y")
"""Of the file's classes; the colour has one value and is left out."""
SHAPES = ("square", "ellipse", "heart")
SIDE = 64


def read_dsprites(path: Path | str) -> FactorDataset:
    """The data set in its published file; the whole one has 737,280 images, 3.0e9 bytes.

    The file's ``metadata`` is a pickle, which is not read. Its first and its last orientation
    are the same picture.

    Args:
        path: of the ``.npz``.

    Returns:
        Items uint8 [I, 64, 64] of 0 and 1; shape by name, the other factors by number.

    Raises:
        InputError: no such file, a damaged one, an array that is missing, of another type or
            shape, or needs pickle. It names the file.
    """
    path = Path(path)
    require_file(path, f"{SOURCE}, {FILE}")
    shapes = check_archive(path, only=("imgs", "latents_classes"))
    for name in ("imgs", "latents_classes"):
        if name not in shapes:
            raise InputError(f"{path}: no array {name!r}; accepted: {FILE} of {SOURCE}")
    images = load_array(path, "imgs")
    require_bytes(f"{path}: imgs", images.shape, images.dtype, (None, SIDE, SIDE))
    if images.max() > 1:
        raise InputError(f"{path}: imgs: levels up to {images.max()}; accepted: 0 and 1")
    classes = load_array(path, "latents_classes")
    wanted = (len(images), len(COLUMNS))
    if classes.shape != wanted or not np.issubdtype(classes.dtype, np.integer):
        raise InputError(
            f"{path}: latents_classes: {classes.dtype} {classes.shape}; accepted: int {wanted}"
        )
    columns = dict(zip(COLUMNS, classes.T, strict=True))
    del columns["color"]
    shape = columns["shape"]
    if shape.min() < 0 or shape.max() >= len(SHAPES):
        raise InputError(f"{path}: shape {shape.max()}; accepted: 0 to {len(SHAPES) - 1}")
    columns["shape"] = np.asarray(SHAPES)[shape]
    return built(path, images, columns, value_names={"shape": SHAPES})
