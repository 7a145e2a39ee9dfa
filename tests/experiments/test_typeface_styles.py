"""Families of several styles: which faces count, and the factors of their glyphs."""

import numpy as np
import pytest

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.errors import InputError
from experiments.typefaces.styles import (
    FACTORS,
    style_of,
    styled_families,
    styled_items,
    styled_split,
)

FACES = (
    ("one", "regular", "upright"),
    ("one", "medium", "upright"),
    ("one", "thin", "italic"),
    ("two", "medium", "upright"),
    ("two", "bold", "upright"),
    ("two", "black", "upright"),
    ("three", "regular", "upright"),
    ("three", "regular", "italic"),
)


def glyphs():
    faces = tuple(
        Face(f"{row}", family, weight, slant, "normal", "", f"{row}.ttf")
        for row, (family, weight, slant) in enumerate(FACES)
    )
    items = np.arange(len(faces), dtype=np.uint8)[:, None, None, None]
    return Glyphs(np.broadcast_to(items, (len(faces), 2, 3, 3)).copy(), "AB", faces)


def test_families_of_one_style_and_weights_that_do_not_recur_are_left_out():
    kept = styled_families(glyphs())
    assert [int(face.name) for face in kept.faces] == [3, 4, 6, 7]
    assert style_of(glyphs().faces[2]) is None and style_of(glyphs().faces[1]) == "regular upright"
    with pytest.raises(InputError, match="no family of 1 has two styles of regular upright"):
        styled_families(glyphs().take(np.arange(3)))


def test_every_glyph_has_its_letter_family_and_style():
    items = styled_items(styled_families(glyphs()))
    assert items.names == FACTORS
    rows = items.columns(FACTORS)
    named = [
        tuple(items.value_names[name][code] for name, code in zip(FACTORS, row, strict=True))
        for row in rows
    ]
    assert named[:3] == [
        ("A", "two", "regular upright"),
        ("B", "two", "regular upright"),
        ("A", "two", "bold upright"),
    ]
    assert named[-1] == ("B", "three", "regular italic")
    np.testing.assert_allclose(255 * items.items[:, 0, 0], np.repeat([3, 4, 6, 7], 2), rtol=1e-6)


def test_parts_share_no_family_and_each_has_every_style():
    parts = styled_split(embedded())
    for part in parts:
        assert len({style_of(face) for face in part.faces}) == 4
    families = [set(part.families) for part in parts]
    assert not families[0] & families[1] and not (families[0] | families[1]) & families[2]
