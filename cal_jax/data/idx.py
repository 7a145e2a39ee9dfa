"""The IDX format of the MNIST files, plain or gzipped.

A header of big-endian words (two zero bytes, the type code, the rank; then one size a
dimension), then the bytes: http://yann.lecun.com/exdb/mnist/. The header is checked before
it is used, and its sizes before anything is allocated.
"""

import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cal_jax.data.gzip_member import MAGIC, GzipMember
from cal_jax.errors import InputError

UNSIGNED_BYTE = 0x08
MAX_BYTES = 1 << 30


def read_idx(path: Path, *, expected_dims: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes.

    Its first bytes, not its name, determine whether it is gzipped.

    Args:
        path: the file.
        expected_dims: its rank: 3 for images, 1 for labels.

    Returns:
        uint8 with ``expected_dims`` dimensions.

    Raises:
        InputError: the file cannot be read; is not IDX; has another type, rank or
            more than 1 GiB; differs in length from its header; is a damaged
            or truncated gzip file, or has bytes after its only member.
    """
    name = str(path)
    try:
        with open(path, "rb") as file:
            gzipped = file.read(len(MAGIC)) == MAGIC
            file.seek(0)
            shape, payload = (_read_gzipped if gzipped else _read_plain)(file, name, expected_dims)
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({error.strerror}); accepted: an IDX file"
        ) from error
    return np.frombuffer(payload, np.uint8).reshape(shape).copy()


def _read_plain(file: BinaryIO, name: str, dims: int) -> tuple[tuple[int, ...], bytes]:
    shape = _shape(file.read(_header_bytes(dims)), name, dims)
    declared, held = math.prod(shape), os.fstat(file.fileno()).st_size - _header_bytes(dims)
    _check_length(held, declared, name)
    payload = file.read(declared)
    _check_length(len(payload), declared, name)
    return shape, payload


def _read_gzipped(file: BinaryIO, name: str, dims: int) -> tuple[tuple[int, ...], bytes]:
    member = GzipMember(file, name)
    shape = _shape(member.read(_header_bytes(dims)), name, dims)
    declared = math.prod(shape)
    # One byte more than declared, to detect excess bytes or reach the checksum.
    payload = member.read(declared + 1)
    _check_length(len(payload), declared, name)
    return shape, payload


def _header_bytes(dims: int) -> int:
    return 4 + 4 * dims


def _check_length(held: int, declared: int, name: str) -> None:
    if held < declared:
        raise InputError(
            f"{name}: {held} bytes after the header; accepted: {declared}, as the header says"
        )
    if held > declared:
        raise InputError(
            f"{name}: trailing bytes; accepted: {declared} after the header, as the header says"
        )


def _shape(header: bytes, name: str, dims: int) -> tuple[int, ...]:
    """Check a header and return the sizes that it declares."""
    accepted = f"accepted: an IDX file of unsigned bytes with {dims} dimension(s)"
    if header.lstrip().startswith(b"<"):
        raise InputError(f"{name}: looks like an HTML page; {accepted}")
    if len(header) < 4 or header[:2] != b"\0\0":
        raise InputError(f"{name}: starts with {header[:4].hex() or 'nothing'}; {accepted}")
    if header[2] != UNSIGNED_BYTE:
        raise InputError(f"{name}: type code 0x{header[2]:02x}; {accepted} (0x08)")
    if header[3] != dims:
        raise InputError(f"{name}: {header[3]} dimension(s); {accepted}")
    if len(header) < _header_bytes(dims):
        raise InputError(f"{name}: ends inside its header; {accepted}")
    shape = struct.unpack(f">{dims}I", header[4:])
    if 0 in shape or math.prod(shape) > MAX_BYTES:
        raise InputError(
            f"{name}: header says {' x '.join(map(str, shape))} bytes; "
            f"accepted: 1 to {MAX_BYTES} in all"
        )
    return shape
