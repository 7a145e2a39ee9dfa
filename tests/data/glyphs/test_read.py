import re

import numpy as np
import pytest

from cal_jax.data.glyphs import font_file
from cal_jax.data.glyphs.read import read_fonts
from cal_jax.data.glyphs.refusals import REASONS, image_refusal
from cal_jax.data.glyphs.render import CAPITALS, LETTERS
from cal_jax.errors import InputError
from tests.data.glyphs.fonts import rectangles_of, write_font

SERIF, SANS = -1, -20
"""Embedded faces."""


@pytest.fixture(scope="module")
def serif():
    return rectangles_of(SERIF)


@pytest.fixture(scope="module")
def sans():
    return rectangles_of(SANS)


def refused(folder, letters=LETTERS):
    """The refusals of a folder that also has a font that is read."""
    found = read_fonts(folder, letters, silent=True)
    assert [face.file for face in found.faces] == ["0.ttf"]
    return [(refusal.file, refusal.reason) for refusal in found.refusals]


def test_faces_come_by_path_with_their_factors(tmp_path, serif, sans):
    (tmp_path / "in").mkdir()
    write_font(tmp_path / "in" / "b.ttf", serif, family="B", style="Bold", weight=700)
    write_font(tmp_path / "c.otf", sans, family="C", angle=-9, width=3)
    (tmp_path / "notes.txt").write_text("no font")
    glyphs = read_fonts(tmp_path, silent=True)
    assert glyphs.items.shape == (2, 52, 32, 32)
    assert [face.file for face in glyphs.faces] == ["c.otf", "in/b.ttf"]
    assert glyphs.families == ("B", "C") and glyphs.refusals == ()
    data = glyphs.dataset()
    assert data.names == ("letter", "typeface", "family", "weight", "slant", "width")
    assert data.items.shape == (104, 32, 32)
    row = 52 + LETTERS.index("q")
    np.testing.assert_array_equal(data.items[row], glyphs.items[1, LETTERS.index("q")])
    values = {name: column[row] for name, column in data.factors.items()}
    assert values == {
        "letter": "q",
        "typeface": "B Bold",
        "family": "B",
        "weight": "bold",
        "slant": "upright",
        "width": "normal",
    }
    again = read_fonts(tmp_path, silent=True)
    np.testing.assert_array_equal(again.items, glyphs.items)
    assert again.faces == glyphs.faces


def test_some_letters_alone(tmp_path, serif):
    write_font(tmp_path / "a.ttf", serif)
    assert read_fonts(tmp_path, "Qa", silent=True).letters == "Qa"
    assert read_fonts(tmp_path, silent=True).only("Qa").items.shape == (1, 2, 32, 32)


def test_two_faces_of_one_name_are_told_apart_by_their_files(tmp_path, serif, sans):
    write_font(tmp_path / "a.ttf", serif)
    write_font(tmp_path / "b.ttf", sans)
    names = [face.name for face in read_fonts(tmp_path, silent=True).faces]
    assert names == ["Boxes Regular [a.ttf]", "Boxes Regular [b.ttf]"]


def without(rectangles, letters):
    return {k: v for k, v in rectangles.items() if k not in letters}


def small_caps(rectangles):
    smaller = {
        k.lower(): [tuple(round(0.8 * c) for c in box) for box in rectangles[k]] for k in CAPITALS
    }
    return rectangles | smaller


def bars(rectangles):
    """A picture for each letter: the bits of its number."""
    made = {}
    for number, letter in enumerate(rectangles, start=1):
        bits = [bit for bit in range(6) if number >> bit & 1]
        made[letter] = [(100 * b, 0, 100 * b + 60, 700) for b in bits] + [(0, 0, 600, 50)]
    return made


@pytest.mark.parametrize(
    ("change", "fields", "reason"),
    [
        (lambda r: without(r, "Qz"), {}, "letter missing"),
        (lambda r: r, {"symbol": True}, "symbol font"),
        (lambda r: r, {"panose": 5}, "symbol font"),
        (lambda r: r | {"k": []}, {}, "blank letter"),
        (lambda r: r | dict.fromkeys("abcd", r["e"]), {}, "letters alike"),
        (lambda r: {k: [*v, (0, -5000, 900, -300)] for k, v in r.items()}, {}, "letters alike"),
        (bars, {}, "pictures"),
        (small_caps, {}, "small caps"),
        (lambda r: r, {"family": "Copy"}, "duplicate"),
    ],
)
def test_faces_that_are_refused(tmp_path, serif, change, fields, reason):
    assert reason in REASONS
    write_font(tmp_path / "0.ttf", serif)
    write_font(tmp_path / "1.ttf", change(serif), **fields)
    assert refused(tmp_path) == [("1.ttf", reason)]


def test_small_caps_are_welcome_among_capitals(tmp_path, serif, sans):
    write_font(tmp_path / "0.ttf", serif)
    write_font(tmp_path / "1.ttf", small_caps(sans))
    assert len(read_fonts(tmp_path, CAPITALS, silent=True).faces) == 2
    assert refused(tmp_path) == [("1.ttf", "small caps")]


def test_a_letter_beyond_its_image_is_cut():
    images = np.zeros((3, 32, 32), np.uint8)
    images[:, 10:20, 10:20] = 255
    assert image_refusal(images[:1], "A") is None
    images[0, 0, 10] = 255
    assert image_refusal(images[:1], "A") == ("cut letter", "A")


def test_broken_files_are_refused_one_by_one(tmp_path, serif):
    body = write_font(tmp_path / "0.ttf", serif).read_bytes()
    for place, share in enumerate((2, 3, 10), start=1):
        (tmp_path / f"{place}.ttf").write_bytes(body[: len(body) // share])
    (tmp_path / "4.otf").write_text("words, not a font")
    (tmp_path / "5.woff2").write_bytes(b"wOF2" + bytes(100))
    (tmp_path / "6.ttc").write_bytes(b"")
    middle = bytearray(body)
    middle[200 : len(body) - 200 : 7] = b"\xff" * len(range(200, len(body) - 200, 7))
    (tmp_path / "7.ttf").write_bytes(bytes(middle))
    (tmp_path / "8.ttf").symlink_to(tmp_path / "0.ttf")
    found = refused(tmp_path)
    files = ["1.ttf", "2.ttf", "3.ttf", "4.otf", "5.woff2", "6.ttc", "7.ttf"]
    assert [file for file, _ in found] == files
    assert {reason for _, reason in found[:6]} == {"broken file"}


def test_a_file_that_is_too_large_is_refused(tmp_path, serif, monkeypatch):
    write_font(tmp_path / "0.ttf", serif)
    size = (tmp_path / "0.ttf").stat().st_size
    (tmp_path / "1.ttf").write_bytes(bytes(size + 1))
    monkeypatch.setattr(font_file, "MAX_BYTES", size)
    assert refused(tmp_path) == [("1.ttf", "broken file")]


def test_folders_and_letters_that_are_refused(tmp_path):
    with pytest.raises(InputError, match="none: not a folder; accepted: a folder with fonts"):
        read_fonts(tmp_path / "none")
    with pytest.raises(InputError, match=r"no font; accepted: a folder with fonts \(.ttf"):
        read_fonts(tmp_path)
    for letters in ("", "AA", "Aß", "A1"):
        with pytest.raises(InputError, match=f"letters {re.escape(repr(letters))}; accepted"):
            read_fonts(tmp_path, letters)
    (tmp_path / "a.ttf").write_text("none")
    with pytest.raises(InputError, match=r"all 1 fonts refused, a.ttf: broken file \(.*accepted"):
        read_fonts(tmp_path, silent=True)
