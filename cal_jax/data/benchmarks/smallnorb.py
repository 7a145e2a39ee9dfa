"""SmallNORB (LeCun, Huang & Bottou 2004): photographs of toys, five factors."""

from pathlib import Path

import numpy as np

from cal_jax.data.area_average import area_average
from cal_jax.data.benchmarks.binary_matrix import read_binary_matrix
from cal_jax.data.benchmarks.tables import require_bytes, require_file
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

SOURCE = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
PARTS = ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing")
CATEGORIES = ("animal", "human", "airplane", "truck", "car")
INFO = ("instance", "elevation", "azimuth", "lighting")
"""Columns of a part's ``info``."""
SIDE = 64


def read_smallnorb(directory: Path | str, size: int = SIDE) -> FactorDataset:
    """The data set in its six files, unpacked, both parts together; whole, 48,600 images.

    Args:
        directory: with ``smallnorb-<part>-{dat,cat,info}.mat`` of both parts.
        size: pixels along each side, at most 96; made smaller by ``area_average``. Of the two
            cameras' images the first is taken.

    Returns:
        Items uint8 [I, size, size]; category by name, instance, elevation, azimuth and
        lighting by number. The two parts hold different instances.

    Raises:
        InputError: a file that is missing, damaged or of another type or shape. It names it.
    """
    images, columns = [], []
    for part in PARTS:
        paths = {
            kind: Path(directory) / f"smallnorb-{part}-{kind}.mat"
            for kind in ("dat", "cat", "info")
        }
        for path in paths.values():
            require_file(path, f"{SOURCE}, unpacked by gunzip")
        pairs, category, info = (read_binary_matrix(path) for path in paths.values())
        require_bytes(str(paths["dat"]), pairs.shape, pairs.dtype, (None, 2, 96, 96))
        for kind, found, wanted in (
            ("cat", category, (len(pairs),)),
            ("info", info, (len(pairs), len(INFO))),
        ):
            if found.shape != wanted or found.dtype != np.int32:
                raise InputError(
                    f"{paths[kind]}: {found.dtype} {found.shape}; accepted: int32 {wanted}"
                )
        if category.min() < 0 or category.max() >= len(CATEGORIES):
            raise InputError(f"{paths['cat']}: category {category.max()}; accepted: 0 to 4")
        images.append(np.round(area_average(pairs[:, 0], size)).astype(np.uint8))
        columns.append(np.column_stack([category, info]))
    table = np.concatenate(columns)
    factors: dict[str, np.ndarray] = dict(zip(("category", *INFO), table.T, strict=True))
    factors["category"] = np.asarray(CATEGORIES)[table[:, 0]]
    names = {"category": CATEGORIES}
    return built(directory, np.concatenate(images), factors, value_names=names)
