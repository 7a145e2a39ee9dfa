"""Debian packages extracted into a folder: their versions, licences and copyright holders.

``dpkg-deb -R NAME.deb FOLDER/NAME`` lays a package out as this module reads it.
"""

import fnmatch
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cal_jax.data.glyphs.names import plain
from cal_jax.errors import InputError

_LAYOUT = "accepted: packages, each extracted by dpkg-deb -R NAME.deb FOLDER/NAME"
_NOT_FREE = ("contrib/", "non-free")
_PHRASES = {
    "SIL Open Font License": "OFL-1.1",
    "Apache License": "Apache-2.0",
    "GNU General Public License": "GPL",
}
"""Words of a copyright file in prose, and the licence that they mean."""


class Terms(NamedTuple):
    """Under which some files of a package are."""

    patterns: tuple[str, ...]
    """Of the files' paths."""
    licence: str
    """Short name, as Debian has it."""
    holder: str
    """The first line of the copyright."""


class Package(NamedTuple):
    """An extracted package of the main archive."""

    name: str
    version: str
    folder: Path
    terms: tuple[Terms, ...]
    """1 or more."""

    def terms_of(self, path: str) -> Terms:
        """Of one of its files: the last that match its name, else the first of all."""
        name = PurePosixPath(path).name
        for terms in reversed(self.terms[1:]):
            names = [PurePosixPath(pattern).name for pattern in terms.patterns]
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in names if pattern != "*"):
                return terms
        return self.terms[0]


def packages(folder: Path) -> tuple[Package, ...]:
    """The packages extracted into a folder, by name.

    Raises:
        InputError: none, or one of another section than main or without a licence.
    """
    found = []
    for control in sorted(folder.glob("*/DEBIAN/control")):
        root = control.parent.parent
        text = control.read_text(encoding="utf-8", errors="replace")
        fields = dict(re.findall(r"^(\w+): *(.+)$", text, re.MULTILINE))
        name = fields.get("Package", "")
        if name != root.name or "Version" not in fields:
            raise InputError(f"{control}: package {name!r} in {root.name}; {_LAYOUT}")
        if fields.get("Section", "").startswith(_NOT_FREE):
            raise InputError(f"{control}: section {fields['Section']}; accepted: of Debian's main")
        found.append(Package(name, fields["Version"], root, _terms(root, name)))
    if not found:
        raise InputError(f"{folder}: no package; {_LAYOUT}")
    return tuple(found)


def _terms(root: Path, name: str) -> tuple[Terms, ...]:
    path = root / "usr/share/doc" / name / "copyright"
    if not path.is_file():
        raise InputError(f"{path}: no such file; accepted: a package with its copyright file")
    text = path.read_text(encoding="utf-8", errors="replace")
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = re.findall(r"^(Files|Copyright|License):((?:.*)(?:\n[ \t].*)*)", stanza, re.M)
        held = dict(fields)
        if {"Files", "Copyright", "License"} <= set(held):
            patterns = tuple(held["Files"].split())
            if not all(pattern.startswith("debian") for pattern in patterns):
                licence = plain(held["License"].strip("\n").partition("\n")[0])
                holder = plain(held["Copyright"].strip().partition("\n")[0])
                found.append(Terms(patterns, licence, holder))
    if not found:
        words = " ".join(text.split())
        licences = [short for phrase, short in _PHRASES.items() if phrase in words]
        holders = re.findall(r"^.*Copyright.*\d{4}.*$", text, re.M)
        if not licences or not holders:
            raise InputError(f"{path}: no licence found; accepted: Files, Copyright and License")
        found.append(Terms(("*",), licences[0], plain(holders[0])))
    return tuple(found)
