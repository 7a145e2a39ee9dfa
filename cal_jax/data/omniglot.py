"""Omniglot: handwritten characters of 50 alphabets, each by 20 people (Lake et al. 2015).

The published zips of https://github.com/brendenlake/omniglot (folder ``python``, MIT licence),
or the folders that they unpack to: ``ALPHABET/characterCC/NNNN_DD.png``, 105 x 105, black ink
on white; DD is the drawer, within the alphabet.
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np

from cal_jax.data.area_average import area_average
from cal_jax.data.centre import centred
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.readers.images import decode_grey
from cal_jax.data.readers.members import read_members
from cal_jax.errors import InputError

Part = Literal["small1", "small2", "background", "evaluation"]

NAMES: dict[str, str] = {
    "small1": "images_background_small1",
    "small2": "images_background_small2",
    "background": "images_background",
    "evaluation": "images_evaluation",
}
"""Part -> the name of its zip: the two minimal splits of five alphabets each, the full
background set of 30 alphabets, and the 20 alphabets of evaluation."""

SIDE = 105
"""Pixels of a published image, along each side."""

SOURCE = "https://github.com/brendenlake/omniglot"

_FORM = "ALPHABET/characterCC/NNNN_DD.png"
_MEMBER = re.compile(r"([^/]+)/(character\d\d)/\d{4}_(\d\d)\.png")


def read_omniglot(directory: Path, part: Part, size: int, *, centre: bool = False) -> FactorDataset:
    """The images of a part, as ink.

    Args:
        directory: with the part's zip, or its folder.
        part: which.
        size: pixels along each side, at most 105; made smaller by ``area_average``.
        centre: move each image so that the mean place of its ink is at the centre, by whole
            pixels of 105.

    Returns:
        Items float32 [I, size, size], 0 on paper and 1 where all is ink, with the factors
        alphabet ("Greek"), character ("Greek/character01") and hand ("Greek/01").

    Raises:
        InputError: no such part or file, a path of another form, an image twice, of another
            size, or damaged. It names the zip and the path inside.
    """
    if part not in NAMES:
        raise InputError(f"part {part!r}; accepted: {', '.join(NAMES)}")
    name, images, rows = NAMES[part], [], []
    for path, data in read_members(directory, name):
        found = _MEMBER.fullmatch(path)
        if found is None:
            raise InputError(f"{Path(directory) / name}: {path!r}; accepted: {_FORM}")
        alphabet, character, drawer = found.groups()
        rows.append((alphabet, f"{alphabet}/{character}", f"{alphabet}/{drawer}"))
        images.append(decode_ink(data, f"{Path(directory) / name}: {path}"))
    if not rows:
        raise InputError(f"{Path(directory) / name}: no images; accepted: {_FORM}")
    pairs = [row[1:] for row in rows]
    if len(set(pairs)) < len(pairs):
        twice = next(pair for pair in pairs if pairs.count(pair) > 1)
        raise InputError(
            f"{Path(directory) / name}: {' by '.join(twice)} is there twice; accepted: once"
        )
    columns = zip(*rows, strict=True)
    factors = dict(zip(("alphabet", "character", "hand"), map(np.asarray, columns), strict=True))
    ink = np.stack(images)
    return FactorDataset(area_average(centred(ink) if centre else ink, size), factors)


def decode_ink(data: bytes, said: str) -> np.ndarray:
    """An image file as ink, bool [105, 105]: True where a pixel is darker than half grey.

    Args:
        data: of the file.
        said: its name, which opens the message.

    Raises:
        InputError: no image, a damaged one, or of another size.
    """
    return decode_grey(data, said, (SIDE, SIDE)) < 128
