"""Items in an IDX file, and one IDX file of labels for each factor."""

from collections.abc import Mapping
from pathlib import Path

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.idx import read_idx
from cal_jax.data.readers.table import built


def read_idx_files(items: Path, factors: Mapping[str, Path], *, dims: int = 3) -> FactorDataset:
    """Items uint8 and their factors, each in an IDX file, plain or gzipped.

    Args:
        items: [I, *X] of ``dims`` dimensions.
        factors: name -> a file of labels [I].
        dims: 3 for grey images.

    Raises:
        InputError: see ``read_idx`` and ``FactorDataset``.
    """
    columns = {name: read_idx(path, expected_dims=1) for name, path in factors.items()}
    return built(items, read_idx(items, expected_dims=dims), columns)
