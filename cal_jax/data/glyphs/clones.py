"""Families that look alike, such as two digitisations of one typeface.

Shape letters: T faces, L letters, S the side of an image, G families, D = L S S.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse.csgraph import connected_components

from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.errors import InputError

THRESHOLD = 0.06
"""RMSE of all letters of two faces, grey levels in [0, 1], below which they look alike."""

_ROWS = 256
"""Faces compared with all others at once."""


def clone_groups(glyphs: Glyphs, threshold: float = THRESHOLD) -> tuple[tuple[str, ...], ...]:
    """Families joined wherever any of their faces look alike, and all that this connects.

    Args:
        glyphs: of all faces.
        threshold: RMSE below which two faces look alike.

    Returns:
        Each group's families, sorted; the groups by their first family.
    """
    families = glyphs.families
    place = {family: row for row, family in enumerate(families)}
    of_face = np.asarray([place[face.family] for face in glyphs.faces])
    alike = np.zeros((len(families), len(families)), bool)
    for first, distances in _distances(glyphs, glyphs):
        rows, columns = np.nonzero(distances < threshold)
        alike[of_face[first + rows], of_face[columns]] = True
    count, group = connected_components(alike, directed=False)
    groups = [
        tuple(families[row] for row in np.flatnonzero(group == number)) for number in range(count)
    ]
    return tuple(sorted(groups))


def smallest_distance(one: Glyphs, other: Glyphs) -> float:
    """The RMSE of the two faces, one of each, that are the most alike; in grey levels of [0, 1].

    Raises:
        InputError: other letters or images of another size.
    """
    if one.letters != other.letters or one.items.shape[1:] != other.items.shape[1:]:
        raise InputError(
            f"letters {one.letters} and {other.letters}, images {one.items.shape[2:]} and "
            f"{other.items.shape[2:]}; accepted: the same of both"
        )
    return min(float(distances.min()) for _, distances in _distances(one, other))


def _distances(one: Glyphs, other: Glyphs) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of the table of RMSEs: the first row's face, and float [rows, T of the other]."""
    mine, others = (g.items.reshape(len(g.items), -1) for g in (one, other))
    b = others.astype(np.float32) / 255
    norms = np.einsum("td,td->t", b, b)
    for first in range(0, len(mine), _ROWS):
        a = mine[first : first + _ROWS].astype(np.float32) / 255
        squares = np.einsum("td,td->t", a, a)[:, None] + norms[None] - 2 * (a @ b.T)
        yield first, np.sqrt(np.maximum(squares, 0) / b.shape[1])
