"""Faces shipped with the package: no fonts, no download.

``embedded.npz`` has the 52 letters in 16 grey levels; ``embedded_licences.csv`` has the licence
and the copyright of each family.

How they were chosen, of the published corpus (``choose``):

1. Families under the licences ``LICENCES``; of families that look alike, the one whose name has
   the smallest SHA-256.
2. Packages in turn, each giving its next family in the order of that digest, up to
   ``FAMILIES``.
3. Of each family at most ``FACES``: the one nearest to regular upright of normal width, then
   each time the one that differs most from those taken, in slant, width and weight.
"""

import csv
import hashlib
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cal_jax.data.glyphs.archive import write_archive
from cal_jax.data.glyphs.clones import clone_groups
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.names import WEIGHTS, WIDTHS
from cal_jax.data.glyphs.packages import packages
from cal_jax.data.glyphs.published import write_table
from cal_jax.errors import InputError

EMBEDDED = Path(__file__).parent / "embedded.npz"
LICENCE_TABLE = Path(__file__).parent / "embedded_licences.csv"

FAMILIES = 150
FACES = 4

LEVELS = 16
"""Grey levels kept."""

LICENCES = (
    "OFL-1.1",
    "SIL-OFL-1.1",
    "GPL-2+ with Font exception and OFL-1.1",
    "Apache-2.0",
    "GUST-Font-License",
    "bitstream-vera",
)
"""Short names, as Debian has them: the SIL Open Font License, Apache, the LPPL of the TeX Gyre
fonts, and Bitstream's MIT-like terms. Freeware is left out, whatever leave its author gives."""


class FamilyLicence(NamedTuple):
    """Under which terms a family's faces are."""

    family: str
    faces: str
    """Their names, joined by "; "."""
    package: str
    licence: str
    copyright: str
    """The holder's line, as the package has it."""


def embedded() -> Glyphs:
    """The shipped faces, uint8 [T, 52, 32, 32] in 16 levels, A-Z then a-z."""
    with np.load(EMBEDDED, allow_pickle=False) as held:
        packed, letters, faces = held["packed"], str(held["letters"]), held["faces"]
    levels = np.stack([packed >> 4, packed & 15], axis=-1)
    items = levels.reshape(*packed.shape[:3], -1) * np.uint8(255 // (LEVELS - 1))
    return Glyphs(items, letters, tuple(Face(*row) for row in faces.tolist()))


def embedded_licences() -> tuple[FamilyLicence, ...]:
    """The licence of each shipped family, by family."""
    with open(LICENCE_TABLE, encoding="utf-8", newline="") as file:
        return tuple(FamilyLicence(**row) for row in csv.DictReader(file))


def choose(glyphs: Glyphs, package_of: dict[str, str], most: int = FAMILIES) -> np.ndarray:
    """The rows of faces to ship; see the top of this file.

    Args:
        glyphs: whose licences may all be shipped.
        package_of: a family's package, by its name.
        most: families.
    """
    queues: dict[str, list[str]] = defaultdict(list)
    for group in clone_groups(glyphs):
        family = min(group, key=_digest)
        queues[package_of[family]].append(family)
    order = [
        (place, package, family)
        for package, queue in queues.items()
        for place, family in enumerate(sorted(queue, key=_digest))
    ]
    chosen = {family for _, _, family in sorted(order)[:most]}
    rows = [
        row
        for family in sorted(chosen)
        for row in _varied(
            [i for i, face in enumerate(glyphs.faces) if face.family == family], glyphs
        )
    ]
    return np.sort(np.asarray(rows))


def embed(
    folder: Path, glyphs: Glyphs, out: Path = EMBEDDED, table: Path = LICENCE_TABLE
) -> Glyphs:
    """Write the two files; returns the chosen faces.

    Args:
        folder: of extracted packages; see ``packages``.
        glyphs: as ``read_fonts`` read that folder.
        out: for the images.
        table: for the licences.

    Raises:
        InputError: see ``packages``; no face under ``LICENCES``, or a file that cannot be written.
    """
    held = {package.name: package for package in packages(folder)}
    package = [face.file.partition("/")[0] for face in glyphs.faces]
    terms = [
        held[name].terms_of(face.file) for name, face in zip(package, glyphs.faces, strict=True)
    ]
    free = np.asarray([one.licence in LICENCES for one in terms])
    if not free.any():
        raise InputError(f"{folder}: no face under {', '.join(LICENCES)}; accepted: 1 or more")
    package_of = {
        face.family: name
        for face, name, may in zip(glyphs.faces, package, free, strict=True)
        if may
    }
    rows = np.flatnonzero(free)[choose(glyphs.take(free), package_of)]
    chosen = glyphs.take(rows)
    by_family: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_family[glyphs.faces[row].family].append(int(row))
    write_table(
        table,
        FamilyLicence._fields,
        [
            FamilyLicence(
                family,
                "; ".join(glyphs.faces[row].name for row in places),
                package[places[0]],
                terms[places[0]].licence,
                terms[places[0]].holder,
            )
            for family, places in sorted(by_family.items())
        ],
    )
    _write(out, chosen)
    return chosen


def _varied(rows: list[int], glyphs: Glyphs) -> list[int]:
    """At most ``FACES`` of a family's rows, far from each other in style."""
    plain = (WEIGHTS.index("regular"), 0, 0)
    style = {
        row: (
            WEIGHTS.index(glyphs.faces[row].weight),
            3 * (glyphs.faces[row].slant == "italic"),
            3 * (WIDTHS.index(glyphs.faces[row].width) - 1),
        )
        for row in rows
    }

    def apart(a: tuple[int, int, int], b: tuple[int, int, int]) -> int:
        return sum(abs(x - y) for x, y in zip(a, b, strict=True))

    taken = [min(rows, key=lambda row: (apart(style[row], plain), row))]
    while len(taken) < min(FACES, len(rows)):
        left = [row for row in rows if row not in taken]
        nearest = {row: min(apart(style[row], style[t]) for t in taken) for row in left}
        taken.append(max(left, key=lambda row: (nearest[row], -row)))
    return taken


def _write(path: Path, glyphs: Glyphs) -> None:
    levels = np.rint(glyphs.items * ((LEVELS - 1) / 255)).astype(np.uint8)
    arrays = {
        "packed": levels[..., 0::2] << 4 | levels[..., 1::2],
        "letters": np.asarray(glyphs.letters),
        "faces": np.asarray(glyphs.faces, str).reshape(-1, len(Face._fields)),
    }
    write_archive(path, arrays, zipfile.ZIP_LZMA)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
