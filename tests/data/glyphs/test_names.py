import pytest

from cal_jax.data.glyphs.font_file import open_font
from cal_jax.data.glyphs.names import plain, read_names
from tests.data.glyphs.fonts import write_font

LETTERS = {"A": [(0, 0, 9, 9)]}


def names(tmp_path, **changes):
    return read_names(open_font(write_font(tmp_path / "a.ttf", LETTERS, **changes)).tables, "file")


def test_a_plain_face(tmp_path):
    assert names(tmp_path) == ("Boxes", "Boxes Regular", "regular", "upright", "normal", "")


def test_the_typographic_family_and_the_licence(tmp_path):
    found = names(
        tmp_path,
        names={"typographicFamily": "Big Boxes", "licenseDescription": "Free\n for\tall "},
    )
    assert (found.family, found.licence) == ("Big Boxes", "Free for all")
    found = names(tmp_path, names={"licenseInfoURL": "somewhere"})
    assert found.licence == "somewhere"


def test_a_font_without_names_is_called_by_its_file(tmp_path):
    font = open_font(write_font(tmp_path / "a.ttf", LETTERS))
    for table in ("name", "OS/2", "post"):
        del font.tables[table]
    assert read_names(font.tables, "file") == ("file", "file", "regular", "upright", "normal", "")


@pytest.mark.parametrize(
    ("value", "weight"),
    [
        (100, "thin"),
        (300, "light"),
        (400, "regular"),
        (500, "medium"),
        (600, "medium"),
        (700, "bold"),
        (900, "black"),
        (4, "regular"),
        (0, "regular"),
        (1000, "black"),
    ],
)
def test_weights(tmp_path, value, weight):
    assert names(tmp_path, weight=value).weight == weight


def test_a_regular_that_calls_itself_bold_is_bold(tmp_path):
    assert names(tmp_path, weight=400, selection=0x20).weight == "bold"
    assert names(tmp_path, weight=300, selection=0x20).weight == "light"


@pytest.mark.parametrize(
    ("changes", "slant"),
    [({"angle": -12}, "italic"), ({"selection": 1}, "italic"), ({"selection": 512}, "italic")],
)
def test_slants(tmp_path, changes, slant):
    assert names(tmp_path, **changes).slant == slant


@pytest.mark.parametrize(
    ("value", "width"), [(1, "condensed"), (4, "condensed"), (5, "normal"), (6, "expanded")]
)
def test_widths(tmp_path, value, width):
    assert names(tmp_path, width=value).width == width


def test_text_is_one_printable_line():
    assert plain(" a\0b\n\u202e c ") == "a b c"
    assert len(plain("x" * 999)) == 200
