"""Faces that are no letters, and why each is refused.

Shape letters: L letters, S the side of an image.
"""

from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.glyphs.render import CAPITALS, SMALL

BROKEN = "broken file"
MISSING = "letter missing"
SYMBOLS = "symbol font"
BLANK = "blank letter"
CUT = "cut letter"
ALIKE = "letters alike"
SMALL_CAPS = "small caps"
DUPLICATE = "duplicate"

REASONS = {
    BROKEN: "fontTools or FreeType cannot read it",
    MISSING: "its Unicode table lacks one of the letters",
    SYMBOLS: "no Unicode table, or Panose calls it pictorial",
    BLANK: "a letter leaves no ink",
    CUT: "a letter leaves the box that its outline declares",
    ALIKE: "letters of one case have the same images, or are small parts of one picture",
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
"""Smallest correlation of normalised images that counts as one shape."""

MOST_SAME_SHAPES = 0.5
"""Share of ``DIFFERENT_CASES`` above which small letters are small caps."""

_PICTORIAL = 5
_NORMAL_SIDE = 16


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
    share = _share_of_small_caps(images, letters)
    if share > MOST_SAME_SHAPES:
        return SMALL_CAPS, f"{share:.0%} of the small letters compared"
    return None


def _median_correlation(images: np.ndarray) -> float:
    """Of the pairs among images [L, S, S]; 0 of fewer than three."""
    if len(images) < 3:
        return 0.0
    pixels = images.reshape(len(images), -1).astype(np.float32)
    return float(np.median(np.corrcoef(pixels)[np.triu_indices(len(pixels), 1)]))


def _share_of_small_caps(images: np.ndarray, letters: str) -> float:
    """The share of small letters shaped like their capital; 0 without both cases."""
    pairs = [(c, c.lower()) for c in DIFFERENT_CASES if c in letters and c.lower() in letters]
    if len(pairs) < len(DIFFERENT_CASES):
        return 0.0
    same = [
        np.sum(_normalised(images, letters, a) * _normalised(images, letters, b)) > SAME_SHAPE
        for a, b in pairs
    ]
    return float(np.mean(same))


def _normalised(images: np.ndarray, letters: str, letter: str) -> np.ndarray:
    """A letter stretched to a square by its ink's box, linearly: float [16, 16].

    Its mean is 0 and its norm 1, so that a product of two is their correlation.
    """
    image = images[letters.index(letter)].astype(float)
    rows, columns = (np.flatnonzero(image.max(axis=a) > image.max() / 4) for a in (1, 0))
    square = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for axis in (0, 1):
        count = square.shape[axis]
        places = np.clip((np.arange(_NORMAL_SIDE) + 0.5) * count / _NORMAL_SIDE - 0.5, 0, count - 1)
        below = np.floor(places).astype(int)
        above = np.minimum(below + 1, count - 1)
        share = (places - below).reshape((-1, 1) if axis == 0 else (1, -1))
        square = (1 - share) * square.take(below, axis) + share * square.take(above, axis)
    square = square - square.mean()
    return square / max(float(np.linalg.norm(square)), 1e-9)
