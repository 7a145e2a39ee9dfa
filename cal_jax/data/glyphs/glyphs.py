"""Letters of faces as a data set.

Shape letters: T faces (typefaces), L letters, S the side of an image, I = T L items.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import listed
from cal_jax.data.glyphs.names import SLANTS, WEIGHTS, WIDTHS
from cal_jax.data.glyphs.refusals import Refusal
from cal_jax.errors import InputError

ACCEPTED = {"weight": WEIGHTS, "slant": SLANTS, "width": WIDTHS}
"""Values of a column, in order."""


class Face(NamedTuple):
    """One face of a family."""

    name: str
    """Unique among the faces read together."""
    family: str
    weight: str
    """One of ``names.WEIGHTS``."""
    slant: str
    """One of ``names.SLANTS``."""
    width: str
    """One of ``names.WIDTHS``."""
    licence: str
    """As the font says it; may be empty."""
    file: str
    """Relative path."""


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Images of the letters of some faces.

    Raises:
        InputError: images, letters or faces that do not fit each other.
    """

    items: np.ndarray
    """uint8 [T, L, S, S]: ink 255 on 0."""
    letters: str
    """L letters, each once."""
    faces: tuple[Face, ...]
    """T faces with names of their own."""
    refusals: tuple[Refusal, ...] = ()
    """Of the faces that were not read."""

    def __post_init__(self) -> None:
        shape, letters = self.items.shape, self.letters
        if self.items.dtype != np.uint8 or self.items.ndim != 4 or shape[2] != shape[3]:
            raise InputError(
                f"items: {self.items.dtype} {shape}; accepted: uint8 [faces, letters, side, side]"
            )
        if not letters.isalpha() or len(set(letters)) < len(letters) or shape[1] != len(letters):
            raise InputError(
                f"letters {letters!r} of items {shape}; accepted: {shape[1]} letters, each once"
            )
        if not self.faces or len(self.faces) != shape[0]:
            raise InputError(f"faces: {len(self.faces)}; accepted: 1 or more, one for each item")
        for face in self.faces:
            if not face.name or not face.family:
                raise InputError(f"face {face.file}: no name; accepted: a name and a family")
            for column, accepted in ACCEPTED.items():
                value = getattr(face, column)
                if value not in accepted:
                    raise InputError(
                        f"face {face.name}: {column} {value!r}; accepted: {listed(accepted)}"
                    )
        name, count = Counter(face.name for face in self.faces).most_common(1)[0]
        if count > 1:
            raise InputError(f"faces: {count} of the name {name!r}; accepted: names of their own")

    @property
    def families(self) -> tuple[str, ...]:
        """The families' names, sorted."""
        return tuple(sorted({face.family for face in self.faces}))

    def take(self, rows: np.ndarray) -> Glyphs:
        """The faces of some rows (an index or bool array), without refusals."""
        chosen = np.arange(len(self.faces))[rows]
        return dataclasses.replace(
            self, items=self.items[chosen], faces=tuple(self.faces[i] for i in chosen), refusals=()
        )

    def only(self, letters: str) -> Glyphs:
        """The images of some letters, at the scale of all of them.

        Raises:
            InputError: a letter that is not there.
        """
        missing = [letter for letter in letters if letter not in self.letters]
        if missing or not letters:
            raise InputError(f"letters {letters!r}; accepted: some of {self.letters}")
        places = [self.letters.index(letter) for letter in letters]
        return dataclasses.replace(self, items=self.items[:, places], letters=letters)

    def dataset(self) -> FactorDataset:
        """Every letter of every face as an item.

        Returns:
            Items uint8 [I, S, S], face after face, with the factors letter, typeface, family,
            weight, slant and width.
        """
        count = len(self.letters)
        columns = {
            "typeface": [face.name for face in self.faces],
            **{
                column: [getattr(face, column) for face in self.faces]
                for column in ("family", *ACCEPTED)
            },
        }
        factors = {"letter": np.tile(list(self.letters), len(self.faces))}
        factors |= {name: np.repeat(values, count) for name, values in columns.items()}
        return FactorDataset(
            self.items.reshape(-1, *self.items.shape[2:]),
            factors,
            value_names={"letter": tuple(self.letters), **ACCEPTED},
        )
