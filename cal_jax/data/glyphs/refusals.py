"""Faces that are no letters, and why each is refused.

Shape letters: L letters, S the side of an image.
"""

from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.glyphs.render import CAPITALS, SMALL
from cal_jax.data.glyphs.shapes import shape_of

BROKEN = "broken file"
MISSING = "letter missing"
SYMBOLS = "symbol font"
BLANK = "blank letter"
CUT = "cut letter"
ALIKE = "letters alike"
PICTURES = "pictures"
SMALL_CAPS = "small caps"
DUPLICATE = "duplicate"

REASONS = {
    BROKEN: "fontTools or FreeType cannot read it",
    MISSING: "its Unicode table lacks one of the letters",
    SYMBOLS: "no Unicode table, or Panose calls it pictorial",
    BLANK: "a letter leaves no ink",
    CUT: "a letter leaves the box that its outline declares",
    ALIKE: "letters of one case have the same images, or are small parts of one picture",
    PICTURES: "hardly a letter resembles one of the embedded faces (``recognise``)",
    SMALL_CAPS: "its small letters are capitals; refused only where both cases are asked for",
    DUPLICATE: "the images of an earlier face",
}
"""What each reason means; a face is refused for the first that holds."""

MOST_ALIKE = 2
"""Letters of one case that may repeat the image of another."""

MOST_CORRELATED = 0.85
"""Median correlation of the letters of one case above which they are pictures."""

LARGEST_AT_EDGE = 127
"""Grey level in the margin that rounding and hinting may leave."""

DIFFERENT_CASES = "ABDEFGHLMNQRT"
"""Letters whose small form has another structure in most faces."""

SAME_SHAPE = 0.8
"""Smallest correlation of normalised shapes that counts as one shape."""

MOST_SAME_SHAPES = 0.5
"""Share of ``DIFFERENT_CASES`` above which small letters are small caps."""

_PICTORIAL = 5


class Refusal(NamedTuple):
    """A face that is not read."""

    file: str
    """Relative path."""
    reason: str
    """One of ``REASONS``."""
    detail: str
    """Such as the letters at fault."""


def table_refusal(tables: Any, letters: str) -> tuple[str, str] | None:
    """(reason, detail) of a font whose tables rule it out, or None."""
    cmap = tables.getBestCmap()
    if not cmap:
        return SYMBOLS, "no Unicode table"
    missing = "".join(letter for letter in letters if ord(letter) not in cmap)
    if missing:
        return MISSING, missing
    if "OS/2" in tables and tables["OS/2"].panose.bFamilyType == _PICTORIAL:
        return SYMBOLS, "Panose: pictorial"
    return None


def image_refusal(images: np.ndarray, letters: str) -> tuple[str, str] | None:
    """(reason, detail) of images that are no usable letters, or None.

    Args:
        images: uint8 [L, S, S].
        letters: L of them.
    """
    blank = "".join(
        letter for letter, image in zip(letters, images, strict=True) if not image.any()
    )
    if blank:
        return BLANK, blank
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    touches = np.any([edge.max(axis=1) > LARGEST_AT_EDGE for edge in edges], axis=0)
    if touches.any():
        return CUT, "".join(np.asarray(list(letters))[touches])
    for case in (CAPITALS, SMALL):
        rows = [letters.index(letter) for letter in case if letter in letters]
        repeated = len(rows) - len({images[row].tobytes() for row in rows})
        if repeated > MOST_ALIKE:
            return ALIKE, f"{repeated} of {len(rows)}"
        correlation = _median_correlation(images[rows])
        if correlation > MOST_CORRELATED:
            return ALIKE, f"correlation {correlation:.2f}"
    return None


def small_caps_refusal(images: np.ndarray, letters: str) -> tuple[str, str] | None:
    """(reason, detail) of small letters shaped like their capitals, or None.

    It judges only where ``letters`` has all of ``DIFFERENT_CASES`` in both cases: a face of
    capitals alone is welcome among capitals.

    Args:
        images: uint8 [L, S, S], each with ink.
        letters: L of them.
    """
    pairs = [(letters.find(c), letters.find(c.lower())) for c in DIFFERENT_CASES]
    if min(map(min, pairs)) < 0:
        return None
    same = [np.sum(shape_of(images[a]) * shape_of(images[b])) > SAME_SHAPE for a, b in pairs]
    if np.mean(same) <= MOST_SAME_SHAPES:
        return None
    return SMALL_CAPS, f"{sum(same)} of {len(same)} letters compared"


def _median_correlation(images: np.ndarray) -> float:
    """Of the pairs among images [L, S, S]; 0 of fewer than three."""
    if len(images) < 3:
        return 0.0
    pixels = images.reshape(len(images), -1).astype(np.float32)
    correlations = np.asarray(np.corrcoef(pixels))
    return float(np.median(correlations[np.triu_indices(len(pixels), 1)]))
