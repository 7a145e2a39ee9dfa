"""Letters of a face as grey images on one baseline, at one scale.

Shape letters: L letters, S the side of an image.
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from cal_jax.data.glyphs.font_file import FontFile
from cal_jax.data.glyphs.needs import needed

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SMALL = CAPITALS.lower()
LETTERS = CAPITALS + SMALL

SIDE = 32
"""S: pixels."""

MARGIN = 1
"""Pixels left free on each side."""

OVERSAMPLING = 8
"""Pixels drawn for one, along each axis."""

Boxes = Mapping[str, tuple[float, float, float, float]]
"""Letter -> (left, bottom, right, top) of its ink, in units of the font."""


def ink_boxes(font: FontFile, letters: str) -> dict[str, tuple[float, float, float, float]]:
    """The boxes of the letters that leave ink.

    Args:
        font: that has every letter.
        letters: to measure.

    Returns:
        See ``Boxes``; without letters that are blank.
    """
    pens = needed("fontTools.pens.boundsPen")
    glyphs, cmap = font.tables.getGlyphSet(), font.tables.getBestCmap()
    boxes = {}
    for letter in letters:
        pen = pens.BoundsPen(glyphs)
        glyphs[cmap[ord(letter)]].draw(pen)
        if pen.bounds is not None:
            left, bottom, right, top = pen.bounds
            if right > left and top > bottom:
                boxes[letter] = (left, bottom, right, top)
    return boxes


def render_letters(font: FontFile, boxes: Boxes) -> np.ndarray:
    """Letters in the largest scale at which all of them fit.

    The scale and the baseline are those of the face: the highest and the lowest point of any
    letter share the height, and the widest letter fits the width. So x-height, weight
    and width differ as they do between faces. A letter is centred by its ink.

    Args:
        font: the face.
        boxes: of the letters' ink.

    Returns:
        uint8 [L, S, S] in the order of ``boxes``, ink 255 on 0.
    """
    image, draw, fonts = (needed(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    corners = np.asarray(list(boxes.values()), float)
    low, high = corners[:, 1].min(), corners[:, 3].max()
    extent = max(high - low, (corners[:, 2] - corners[:, 0]).max())
    side = SIDE * OVERSAMPLING
    scale = (side - 2 * MARGIN * OVERSAMPLING) / extent
    size = scale * font.tables["head"].unitsPerEm
    face: Any = fonts.truetype(io.BytesIO(font.body), size, layout_engine=fonts.Layout.BASIC)
    baseline = round((side + (high + low) * scale) / 2)
    made = np.empty((len(boxes), SIDE, SIDE), np.uint8)
    for row, (letter, (left, _, right, _)) in enumerate(boxes.items()):
        sheet = image.new("L", (side, side))
        start = round((side - (left + right) * scale) / 2)
        draw.Draw(sheet).text((start, baseline), letter, fill=255, font=face, anchor="ls")
        pixels = np.asarray(sheet, np.float32)
        blocks = pixels.reshape(SIDE, OVERSAMPLING, SIDE, OVERSAMPLING)
        made[row] = np.rint(blocks.mean(axis=(1, 3)))
    return made
