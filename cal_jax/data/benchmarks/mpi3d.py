"""MPI3D (Gondal et al. 2019): an object on a robot's arm, 64 x 64 in colour, seven factors."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cal_jax.data.benchmarks.tables import every_combination, require_bytes, require_file
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.arrays import check_archive, load_array
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

SOURCE = "https://github.com/rr-learning/disentanglement_dataset"
SIZES: Mapping[str, int] = MappingProxyType(
    {
        "object_color": 6,
        "object_shape": 6,
        "object_size": 2,
        "camera_height": 3,
        "background_color": 3,
        "horizontal_axis": 40,
        "vertical_axis": 40,
    }
)
"""Values of the factors of ``toy``, ``realistic`` and ``real``, in the order of the images."""
COMPLEX_SIZES: Mapping[str, int] = MappingProxyType({**SIZES, "object_color": 4, "object_shape": 4})
"""Of ``real_complex``."""
SIDE = 64


def read_mpi3d(path: Path | str, sizes: Mapping[str, int] = SIZES) -> FactorDataset:
    """The data set in a published file; a whole one has 1,036,800 images, 12.7e9 bytes.

    Args:
        path: of the ``.npz``, whose ``images`` are of every combination, the last factor
            fastest.
        sizes: values of each factor; ``COMPLEX_SIZES`` for ``real_complex``.

    Returns:
        Items uint8 [I, 64, 64, 3]; factors by number.

    Raises:
        InputError: no such file, a damaged one, images that are missing, of another type or
            shape, or not as many as combinations. It names the file.
    """
    path = Path(path)
    require_file(path, f"{SOURCE}, such as mpi3d_toy.npz")
    if "images" not in check_archive(path, only=("images",)):
        raise InputError(f"{path}: no array 'images'; accepted: a file of {SOURCE}")
    images = load_array(path, "images")
    total = math.prod(sizes.values())
    require_bytes(f"{path}: images", images.shape, images.dtype, (total, SIDE, SIDE, 3))
    return built(path, images, every_combination(sizes))
