"""The binary matrix format of NORB: a magic number, the sizes, the numbers, little-endian.

https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/ describes it. Three sizes at least are stored,
however few dimensions there are.
"""

import math
import struct
from pathlib import Path

import numpy as np

from cal_jax.errors import InputError

TYPES = {0x1E3D4C55: "u1", 0x1E3D4C54: "<i4"}
"""By the magic number: bytes and integers; NORB has no others."""
MOST_DIMENSIONS = 8


def read_binary_matrix(path: Path) -> np.ndarray:
    """The array in a file: uint8 or int32 of any shape.

    Raises:
        InputError: the file cannot be read, starts with another number, or has another length
            than its header says. It names the file.
    """
    accepted = "accepted: a binary matrix of bytes or integers"
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {accepted}") from error
    if len(content) < 8:
        raise InputError(f"{path}: {len(content)} bytes; {accepted}")
    magic, dimensions = struct.unpack_from("<Ii", content)
    if magic not in TYPES:
        raise InputError(f"{path}: starts with 0x{magic:08x}; {accepted}: 0x1e3d4c55 or 0x1e3d4c54")
    start = 8 + 4 * max(3, dimensions)
    if not 1 <= dimensions <= MOST_DIMENSIONS or len(content) < start:
        raise InputError(f"{path}: {dimensions} dimensions; {accepted} of 1 to {MOST_DIMENSIONS}")
    shape = struct.unpack_from(f"<{dimensions}i", content, 8)
    kind = np.dtype(TYPES[magic])
    held, declared = len(content) - start, math.prod(shape) * kind.itemsize
    if min(shape) < 1 or held != declared:
        raise InputError(
            f"{path}: {held} bytes after the header of {shape}; accepted: {declared}, 1 or more"
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape).copy()
