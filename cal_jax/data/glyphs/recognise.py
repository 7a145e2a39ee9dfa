"""Pictures told from letters, by the shapes of the embedded faces."""

import functools

import numpy as np

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.refusals import PICTURES
from cal_jax.data.glyphs.render import CAPITALS, LETTERS, SMALL
from cal_jax.data.glyphs.shapes import shape_of

FEWEST = 10
"""Letters of a case from which on it is judged."""

LEAST_RECOGNISED = 4 / 26
"""Share of the letters of a case; pictures have about 1 / 26 by chance."""


def picture_refusal(images: np.ndarray, letters: str, family: str) -> tuple[str, str] | None:
    """(reason, detail) of a face of pictures, or None.

    A letter is recognised where, among all letters of the embedded faces of other families, the
    one with the nearest shape is the same letter, in either case.

    Args:
        images: uint8 [L, S, S], each with ink.
        letters: L of them.
        family: of the face.
    """
    shapes, families = _embedded_shapes()
    same_family = np.where(families == family, -np.inf, 0).astype(np.float32)
    for case in (CAPITALS, SMALL):
        rows = [row for row, letter in enumerate(letters) if letter in case]
        if len(rows) < FEWEST:
            continue
        mine = np.stack([shape_of(images[row]) for row in rows]).astype(np.float32)
        alike = (mine @ shapes.T).reshape(len(rows), len(LETTERS), -1) + same_family[None, None]
        nearest = alike.max(axis=2).argmax(axis=1)
        found = sum(
            LETTERS[place].lower() == letters[row].lower()
            for place, row in zip(nearest, rows, strict=True)
        )
        if found < LEAST_RECOGNISED * len(rows):
            return PICTURES, f"{found} of {len(rows)} letters recognised"
    return None


@functools.cache
def _embedded_shapes() -> tuple[np.ndarray, np.ndarray]:
    """Shapes float32 [52 F, SIDE * SIDE] of the F embedded faces, and their families [F]."""
    glyphs = embedded()
    shapes = [shape_of(image) for images in glyphs.items.swapaxes(0, 1) for image in images]
    return np.asarray(shapes, np.float32), np.asarray([face.family for face in glyphs.faces])
