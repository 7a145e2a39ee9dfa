"""The published corpus: every font file of some Debian packages, by its digest.

``corpus.csv`` has a row for each file, refused or not, with what the file's tables say.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cal_jax.data.glyphs.font_file import font_paths, open_font
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.names import read_names
from cal_jax.data.glyphs.packages import packages
from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

CORPUS = Path(__file__).parent / "corpus.csv"


class Published(NamedTuple):
    """A font file of the corpus."""

    package: str
    version: str
    path: str
    """In the package."""
    sha256: str
    family: str
    face: str
    weight: str
    slant: str
    width: str
    licence: str
    """Short name, as Debian has it."""
    refused: str
    """Why its 52 letters are not read; empty: they are."""


class Comparison(NamedTuple):
    """A folder beside the corpus; files are the same where their digests are."""

    missing: tuple[Published, ...]
    """Of the corpus, not in the folder."""
    other: tuple[str, ...]
    """Fonts of the folder, by relative path, that are not of the corpus."""


def published_fonts() -> tuple[Published, ...]:
    """The corpus, by package and path."""
    with open(CORPUS, encoding="utf-8", newline="") as file:
        return tuple(Published(**row) for row in csv.DictReader(file))


def check_corpus(folder: Path, fonts: Iterable[Published] | None = None) -> Comparison:
    """Compare the fonts in a folder and in those inside it with the corpus.

    Args:
        folder: with the packages' fonts, wherever they lie in it.
        fonts: of the corpus; None: ``published_fonts()``.

    Raises:
        InputError: no such folder, or no font in it.
    """
    fonts = published_fonts() if fonts is None else tuple(fonts)
    found = {path.relative_to(folder).as_posix(): sha256(path) for path in font_paths(folder)}
    listed, held = {font.sha256 for font in fonts}, set(found.values())
    return Comparison(
        missing=tuple(font for font in fonts if font.sha256 not in held),
        other=tuple(file for file, digest in found.items() if digest not in listed),
    )


def write_corpus(path: Path, folder: Path, glyphs: Glyphs) -> int:
    """Write a list like ``corpus.csv``; returns its number of files.

    Args:
        path: of the list.
        folder: of extracted packages; see ``packages``.
        glyphs: as ``read_fonts`` read that folder, with its refusals.

    Raises:
        InputError: see ``packages``; a file that cannot be read or written.
    """
    reasons = {refusal.file: refusal.reason for refusal in glyphs.refusals}
    rows = []
    for package in packages(folder):
        for font in font_paths(package.folder):
            inside = font.relative_to(package.folder).as_posix()
            names = read_names(open_font(font).tables, fallback=font.stem)
            rows.append(
                Published(
                    package=package.name,
                    version=package.version,
                    path=inside,
                    sha256=sha256(font),
                    family=names.family,
                    face=names.name,
                    weight=names.weight,
                    slant=names.slant,
                    width=names.width,
                    licence=package.terms_of(inside).licence,
                    refused=reasons.get(f"{package.name}/{inside}", ""),
                )
            )
    write_table(path, Published._fields, rows)
    return len(rows)


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file atomically, with lines that end alike on every system.

    Raises:
        InputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def sha256(path: Path) -> str:
    """A file's digest, in hexadecimal.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); accepted: a font file"
        ) from error
