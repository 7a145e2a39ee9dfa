"""IDX files, good and bad, for the tests."""

import gzip
import struct
from pathlib import Path

import numpy as np

from cal_jax.data.mnist import FILES


def idx_bytes(array: np.ndarray, *, type_code: int = 0x08) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, type_code, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def grey(rows: int, height: int = 4, width: int = 3) -> np.ndarray:
    return np.random.default_rng(rows).integers(256, size=(rows, height, width), dtype=np.uint8)


def write_mnist(folder: Path, *, train: int = 20, test: int = 10, packed: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = (grey(train), np.arange(train) % 10, grey(test), np.arange(test) % 10)
    for name, array in zip(FILES, arrays, strict=True):
        content = idx_bytes(array)
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
