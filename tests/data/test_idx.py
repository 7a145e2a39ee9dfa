import contextlib
import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cal_jax.data.idx import MAX_BYTES, read_idx
from cal_jax.errors import InputError
from tests.data.idx_files import grey, idx_bytes

IMAGES = grey(6)
PLAIN = idx_bytes(IMAGES)
PACKED = gzip.compress(PLAIN, mtime=0)


def write(tmp_path, content, name="images.gz"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refused(path, reason, expected_dims=3):
    """The file is refused in one line that names it, the reason and what is accepted."""
    with pytest.raises(InputError, match=reason) as caught:
        read_idx(path, expected_dims=expected_dims)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "; accepted: " in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_images_by_content_whatever_the_name(tmp_path, content, name):
    images = read_idx(write(tmp_path, content, name), expected_dims=3)
    np.testing.assert_array_equal(images, IMAGES)
    assert images.dtype == np.uint8
    assert images.flags.writeable


def test_reads_labels(tmp_path):
    labels = np.arange(10)
    path = write(tmp_path, idx_bytes(labels))
    np.testing.assert_array_equal(read_idx(path, expected_dims=1), labels)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "starts with nothing"),
        (b"\x00\x00\x08", "starts with 000008"),
        (b"PK\x03\x04" + PLAIN[4:], "starts with 504b0304"),
        (idx_bytes(IMAGES, type_code=0x0D), "type code 0x0d"),
        (idx_bytes(IMAGES[0]), r"2 dimension\(s\)"),
        (idx_bytes(np.arange(100)), r"1 dimension\(s\)"),
        (PLAIN[:12], "ends inside its header"),
        (idx_bytes(IMAGES[:0]), "header says 0 x 4 x 3"),
    ],
    ids=["empty", "3 bytes", "magic", "type", "rank 2", "rank 1", "short", "no images"],
)
def test_row_18_wrong_header(tmp_path, pack, content, reason):
    refused(write(tmp_path, pack(content)), reason)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((2**31, 28, 28), f"header says 2147483648 x 28 x 28 .* 1 to {MAX_BYTES}"),
        ((2**32 - 1, 2**32 - 1, 2**32 - 1), "header says 4294967295 x"),
        ((MAX_BYTES, 1, 1), "100 bytes after the header; accepted: 1073741824"),
    ],
)
def test_row_18_oversize_header_is_refused_before_allocation(tmp_path, pack, shape, reason):
    path = write(tmp_path, pack(struct.pack(">HBB3I", 0, 8, 3, *shape) + bytes(100)))
    assert peak_memory(lambda: refused(path, reason)) < 1 << 20


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_row_19_short_or_trailing_bytes(tmp_path, pack):
    refused(write(tmp_path, pack(PLAIN[:-1])), "71 bytes after the header; accepted: 72")
    refused(write(tmp_path, pack(PLAIN + b"\0")), "trailing bytes; accepted: 72")


def test_row_20_gzip_bomb_keeps_memory_flat(tmp_path):
    # 64 MiB of zeros behind a good header: 64 kB on disk.
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = squeeze.compress(PLAIN)
    for _ in range(64):
        bomb += squeeze.compress(bytes(1 << 20))
    path = write(tmp_path, bomb + squeeze.flush())
    assert path.stat().st_size < 1 << 17
    assert peak_memory(lambda: refused(path, "trailing bytes")) < 1 << 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PACKED[:-1], "truncated gzip"),
        (PACKED[:-8], "truncated gzip"),
        (PACKED[: len(PACKED) // 2], "truncated gzip"),
        (PACKED[:5], "truncated gzip"),
        (
            PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:],
            "incorrect data check",
        ),
        (PACKED[:-1] + b"\x01", "incorrect length check"),
        (PACKED + PACKED, "second gzip member"),
        (PACKED + gzip.compress(b""), "second gzip member"),
        (PACKED + b"junk", "trailing bytes"),
        (PACKED + b"\0", "trailing bytes"),
    ],
    ids=[
        "last byte gone",
        "trailer gone",
        "half gone",
        "header cut",
        "wrong CRC",
        "wrong length",
        "second member",
        "empty second member",
        "junk",
        "zero byte",
    ],
)
def test_row_21_damaged_gzip(tmp_path, content, reason):
    refused(write(tmp_path, content), reason)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html>", b"\r\n <html><body>404", b"<?xml ?>"])
def test_row_22_html_page(tmp_path, pack, page):
    refused(write(tmp_path, pack(page)), "looks like an HTML page")


def test_unreadable_paths(tmp_path):
    refused(tmp_path / "absent.gz", "No such file")
    refused(tmp_path, "Is a directory")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(st.integers(0, len(PACKED) - 1), st.integers(0, 255), min_size=1, max_size=8)
)
def test_mutated_gzip_is_refused_or_reads_the_same(tmp_path, changes):
    content = bytearray(PACKED)
    for position, value in changes.items():
        content[position] = value
    path = write(tmp_path, content)
    with contextlib.suppress(InputError):
        np.testing.assert_array_equal(read_idx(path, expected_dims=3), IMAGES)


def peak_memory(action):
    """Bytes allocated at the highest point of ``action``."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
