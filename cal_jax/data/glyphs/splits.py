"""Training, validation and test faces without look-alikes across them."""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from cal_jax.data.glyphs.clones import THRESHOLD, clone_groups
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.errors import InputError

FRACTIONS = (0.7, 0.1, 0.2)
"""Of the groups of families: training, validation, test."""


class Split(NamedTuple):
    """Faces of families that no other part has, nor looks like."""

    train: Glyphs
    validation: Glyphs
    test: Glyphs


def split_families(
    glyphs: Glyphs,
    fractions: tuple[float, float, float] = FRACTIONS,
    threshold: float = THRESHOLD,
) -> Split:
    """Divide faces by groups of families that look alike.

    A group's side is a hash of its families' names: no seed decides it, and further fonts
    change it only for the groups that they join. Fractions hold in expectation.

    Args:
        glyphs: of all faces.
        fractions: of training, validation and test; they add up to 1.
        threshold: see ``clone_groups``; no two faces of two parts are closer.

    Raises:
        InputError: other fractions, or a part without faces.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise InputError(f"fractions {fractions}; accepted: three above 0 that add up to 1")
    limits = np.cumsum(fractions)[:2]
    side = {
        family: int(np.sum(position(group) >= limits))
        for group in clone_groups(glyphs, threshold)
        for family in group
    }
    sides = np.asarray([side[face.family] for face in glyphs.faces])
    for number, name in enumerate(Split._fields):
        if not (sides == number).any():
            raise InputError(
                f"{name}: no faces of {len(glyphs.families)} families; "
                "accepted: more families, or a larger fraction"
            )
    return Split(*(glyphs.take(sides == number) for number in range(3)))


def position(group: tuple[str, ...]) -> float:
    """A group's place in [0, 1), uniform over names: the SHA-256 of its families, sorted.

    A word before them keeps it independent of the digests by which ``embedded`` chooses.
    """
    digest = hashlib.sha256("\n".join(["split", *sorted(group)]).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
