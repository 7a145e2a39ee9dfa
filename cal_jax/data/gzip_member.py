"""Bounded reading of a gzip file with exactly one member.

``gzip.GzipFile`` accepts a second member and trailing zeros; this class refuses both.
"""

import zlib
from typing import BinaryIO

from cal_jax.errors import InputError

MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 16
_GZIP_FORMAT = 16 + zlib.MAX_WBITS


class GzipMember:
    """The only member of a gzip file, decompressed incrementally.

    Memory is bounded by the bytes requested from ``read``, plus one chunk.

    Args:
        file: open at the first byte of the gzip header.
        name: the file's name, which opens the message of an error.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._inflate = zlib.decompressobj(_GZIP_FORMAT)

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer only where a sound member ends.

        Raises:
            InputError: damaged or truncated data, a wrong checksum, bytes behind the member.
        """
        data = bytearray()
        while len(data) < count and not self._inflate.eof:
            compressed = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            try:
                piece = self._inflate.decompress(compressed, count - len(data))
            except zlib.error as error:
                raise InputError(
                    f"{self._name}: damaged gzip data ({error}); accepted: an intact gzip file"
                ) from error
            if not (compressed or piece or self._inflate.eof):
                raise InputError(
                    f"{self._name}: truncated gzip data; accepted: an intact gzip file"
                )
            data += piece
        if self._inflate.eof:
            self._refuse_more()
        return bytes(data)

    def _refuse_more(self) -> None:
        rest = self._inflate.unused_data or self._file.read(len(MAGIC))
        if rest:
            what = "a second gzip member" if rest.startswith(MAGIC) else "trailing bytes"
            raise InputError(f"{self._name}: {what} after the data; accepted: one gzip member")
