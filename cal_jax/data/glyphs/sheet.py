"""Contact sheet of faces: a row each, dark ink on white."""

import io
from pathlib import Path

import numpy as np

from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.needs import needed
from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

LABEL = 320
"""Pixels beside a row for the face's name."""


def draw_sheet(path: Path, glyphs: Glyphs, most: int = 60) -> Path:
    """Draw faces, evenly spread where there are more than ``most``.

    Raises:
        InputError: Pillow is missing, fewer than 1 face asked for, or the file cannot be written.
    """
    image, draw, fonts = (needed(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    if most < 1:
        raise InputError(f"most: {most}; accepted: 1 or more faces")
    count = min(most, len(glyphs.faces))
    rows = np.linspace(0, len(glyphs.faces) - 1, count).round().astype(int)
    side = glyphs.items.shape[2]
    inked = glyphs.items[rows].transpose(0, 2, 1, 3).reshape(count * side, -1)
    sheet = image.new("L", (LABEL + inked.shape[1], inked.shape[0]), 255)
    sheet.paste(image.fromarray(255 - inked), (LABEL, 0))
    pen, font = draw.Draw(sheet), fonts.load_default(12)
    for place, row in enumerate(rows):
        face = glyphs.faces[row]
        words = f"{face.name[:36]} · {face.weight} {face.slant}"
        pen.text((4, place * side + side // 2), words, fill=0, font=font, anchor="lm")
    body = io.BytesIO()
    sheet.save(body, format="PNG")
    return write_atomically(path, body.getvalue())
