"""Font files opened: their tables by fontTools, and plain bytes for FreeType."""

import io
import logging
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.data.glyphs.needs import needed
from cal_jax.errors import InputError

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc", ".woff", ".woff2")

MAX_BYTES = 1 << 26
"""Of a font file."""


class FontFile(NamedTuple):
    """An opened font; of a collection, its first face."""

    tables: Any
    """``fontTools.ttLib.TTFont``."""
    body: bytes
    """The font as FreeType reads it: never compressed."""


def font_paths(folder: Path) -> list[Path]:
    """The font files of a folder and of those in it, in the order of their relative paths.

    Links are not followed.

    Raises:
        InputError: no such folder, or no font in it.
    """
    accepted = f"accepted: a folder with fonts ({', '.join(SUFFIXES)})"
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; {accepted}")
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
    ]
    if not found:
        raise InputError(f"{folder}: no font; {accepted}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def open_font(path: Path) -> FontFile:
    """Open a font file.

    Raises:
        InputError: fontTools is missing; or the file cannot be read, is larger than
            ``MAX_BYTES`` or is no font. It names the file.
    """
    tools = needed("fontTools.ttLib")
    # Fonts in use often break a rule that rendering does not need: fontTools logs each.
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)
    try:
        size = path.stat().st_size
        body = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {_ACCEPTED}") from error
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size} bytes; accepted: {MAX_BYTES} or fewer")
    try:
        tables = tools.TTFont(io.BytesIO(body), fontNumber=0, lazy=True)
        if tables.flavor is not None:
            plain = io.BytesIO()
            tables.flavor = None
            tables.save(plain)
            body = plain.getvalue()
            tables = tools.TTFont(io.BytesIO(body), lazy=True)
        return FontFile(tables, body)
    except Exception as error:  # fontTools raises arbitrary exceptions on damaged files
        raise InputError(f"{path}: no font ({said(error)}); {_ACCEPTED}") from error


def said(error: BaseException) -> str:
    """An exception in one line."""
    words = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


_ACCEPTED = f"accepted: a whole font file ({', '.join(SUFFIXES)})"
