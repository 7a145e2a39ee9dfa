import sys

import numpy as np
import pytest

from cal_jax.data.glyphs.font_file import open_font
from cal_jax.data.glyphs.needs import needed
from cal_jax.data.glyphs.render import ink_boxes, render_letters
from cal_jax.errors import InputError
from tests.data.glyphs.fonts import write_font

BOXES = {"H": (0, 0, 300, 700), "x": (50, 0, 350, 400), "p": (0, -200, 200, 400)}


def rendered(tmp_path, boxes, **changes):
    path = write_font(tmp_path / "a.ttf", {k: [box] for k, box in boxes.items()}, **changes)
    font = open_font(path)
    found = ink_boxes(font, "".join(boxes))
    return found, dict(zip(found, render_letters(font, found), strict=True))


def extent(image, axis):
    """(first, last + 1) of the inked lines along an axis, in pixels with fractions."""
    ink = image.max(axis=axis) / 255
    inked = np.flatnonzero(ink)
    return inked[0] + 1 - ink[inked[0]], inked[-1] + ink[inked[-1]]


def test_boxes_are_those_of_the_outlines(tmp_path):
    found, _ = rendered(tmp_path, BOXES)
    assert found == BOXES


def test_letters_stand_on_one_baseline_at_one_scale(tmp_path):
    _, images = rendered(tmp_path, BOXES)
    scale = 30 / 900  # 700 above and 200 below the baseline fill 30 of 32 pixels
    rows = {letter: extent(image, 1) for letter, image in images.items()}
    np.testing.assert_allclose(rows["H"], (1, 1 + 700 * scale), atol=0.15)
    np.testing.assert_allclose(rows["x"], (1 + 300 * scale, 1 + 700 * scale), atol=0.15)
    np.testing.assert_allclose(rows["p"], (1 + 300 * scale, 31), atol=0.15)


def test_letters_are_centred_by_their_ink(tmp_path):
    _, images = rendered(tmp_path, BOXES)
    for letter, width in {"H": 300, "x": 300, "p": 200}.items():
        left, right = extent(images[letter], 0)
        assert left + right == pytest.approx(32, abs=0.3)
        assert right - left == pytest.approx(width * 30 / 900, abs=0.3)


def test_the_widest_letter_decides_where_it_must(tmp_path):
    _, images = rendered(tmp_path, {"W": (0, 0, 1800, 600), "i": (0, 0, 100, 600)})
    np.testing.assert_allclose(extent(images["W"], 0), (1, 31), atol=0.15)
    np.testing.assert_allclose(extent(images["i"], 1), (11, 21), atol=0.15)


def test_ink_is_white_on_black_and_edges_are_grey(tmp_path):
    _, images = rendered(tmp_path, BOXES)
    assert images["H"][10, 16] == 255 and images["H"][10, 2] == 0
    assert images["H"].dtype == np.uint8 and images["H"].shape == (32, 32)
    assert len(np.unique(images["x"])) > 2


def test_the_units_of_the_font_do_not_matter(tmp_path):
    _, images = rendered(tmp_path, BOXES)
    _, twice = rendered(tmp_path, {k: tuple(2 * c for c in box) for k, box in BOXES.items()})
    for letter in BOXES:
        np.testing.assert_array_equal(images[letter], twice[letter])


@pytest.mark.parametrize("flavor", ["woff", "woff2"])
def test_compressed_fonts_give_the_same_images(tmp_path, flavor):
    _, images = rendered(tmp_path, BOXES)
    _, compressed = rendered(tmp_path, BOXES, flavor=flavor)
    for letter in BOXES:
        np.testing.assert_array_equal(images[letter], compressed[letter])


def test_a_blank_letter_has_no_box(tmp_path):
    path = write_font(tmp_path / "a.ttf", {"A": [], "B": [(0, 0, 9, 9)]})
    assert list(ink_boxes(open_font(path), "AB")) == ["B"]


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.ImageFont", None)
    with pytest.raises(InputError, match=r"PIL: not installed; accepted: .*cal-jax\[fonts\]"):
        needed("PIL.ImageFont")
