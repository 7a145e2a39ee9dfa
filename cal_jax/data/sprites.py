"""Sprite sheets of the Liberated Pixel Cup: characters in layers, and the poses they take.

https://github.com/YingzhenLi/Sprites (Li & Mandt 2018) collects the sheets; their art is of the
Liberated Pixel Cup's authors (http://lpc.opengameart.org), CC-BY-SA 3.0 or GPL 3. A sheet shows
one layer, such as a hair style, in frames of 64 x 64, every pose in the same place, so that the
layers of a character lie on each other. Shape letters: L layers, P poses.
"""

import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cal_jax.errors import InputError

FOLDERS = {"skin": "body", "trousers": "bottomwear", "top": "topwear", "hair": "hair"}
"""The folder of each factor's sheets, in the order in which they are drawn."""
SHOES = "shoes/1.png"
"""Every character's, drawn last."""
VALUES = tuple("012345")
"""Of each of these factors: sheets ``0.png`` to ``5.png``, as published."""

SIDE = 64
"""Pixels of a frame."""
ROWS, COLUMNS = 21, 13
"""Frames of a sheet."""

ACTIONS = {"walk": (8, range(1, 9)), "spellcast": (0, range(1, 7)), "slash": (12, range(1, 6))}
"""The first row of an action, and its columns. Column 0 is left out: it is the same standing
character in all three, up to a few pixels."""
DIRECTIONS = {"front": 2, "left": 1, "right": 3}
"""Rows below an action's first; the back view, which is row 0, is not part of the data set."""


class Pose(NamedTuple):
    """What a character does in a frame."""

    action: str
    direction: str
    frame: int
    """From 1."""


POSES = tuple(
    Pose(action, direction, frame)
    for action, (_, frames) in ACTIONS.items()
    for direction in DIRECTIONS
    for frame in frames
)


class SpriteLayers(NamedTuple):
    """The layers of all characters, with straight alpha."""

    pixels: np.ndarray
    """uint8 [L, P, 64, 64, 4]: RGBA. The values of skin, of trousers, of top and of hair, in the
    order of ``FOLDERS``, then the shoes."""
    poses: tuple[Pose, ...] = POSES


def read_sprites(directory: Path | str, poses: Sequence[Pose] = POSES) -> SpriteLayers:
    """Read the sheets that the data set is made of.

    Args:
        directory: with the folders body, bottomwear, topwear, hair and shoes.
        poses: P of them, to keep.

    Raises:
        InputError: Pillow is missing, or a sheet is missing, no PNG, damaged or of another size.
            It names the file.
    """
    names = [f"{folder}/{value}.png" for folder in FOLDERS.values() for value in VALUES]
    pixels = np.empty((len(names) + 1, len(poses), SIDE, SIDE, 4), np.uint8)
    for layer, name in enumerate([*names, SHOES]):
        sheet = _read_sheet(Path(directory) / name)
        for row, pose in enumerate(poses):
            first, _ = ACTIONS[pose.action]
            pixels[layer, row] = sheet[first + DIRECTIONS[pose.direction], pose.frame]
    return SpriteLayers(pixels, tuple(poses))


def character_codes() -> np.ndarray:
    """Every combination of the values of skin, trousers, top and hair, int32 [1296, 4]."""
    codes = range(len(VALUES))
    return np.asarray(list(itertools.product(codes, repeat=len(FOLDERS))), np.int32)


def _read_sheet(path: Path) -> np.ndarray:
    """The frames of a sheet, uint8 [21, 13, 64, 64, 4]."""
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(
            f"{path}: sheets need Pillow, which is missing; accepted: pip install 'cal-jax[data]'"
        ) from error
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; accepted: the sheets of https://github.com/YingzhenLi/Sprites"
        )
    size = (COLUMNS * SIDE, ROWS * SIDE)
    with _opened(Image, path) as image:
        if image.size != size:
            raise InputError(
                f"{path}: {image.width} x {image.height} pixels; accepted: {size[0]} x {size[1]}"
            )
        sheet = _decoded(image, path)
    return sheet.reshape(ROWS, SIDE, COLUMNS, SIDE, 4).swapaxes(1, 2)


def _opened(pillow: Any, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            return pillow.open(path, formats=("PNG",))
    except Exception as error:  # Pillow's readers raise arbitrary exceptions, SyntaxError included
        raise InputError(f"{path}: no PNG ({type(error).__name__}); accepted: a PNG") from error


def _decoded(image: Any, path: Path) -> np.ndarray:
    try:
        return np.asarray(image.convert("RGBA"))
    except Exception as error:  # as above
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{path}: damaged ({lines[0]}); accepted: a whole PNG") from error
