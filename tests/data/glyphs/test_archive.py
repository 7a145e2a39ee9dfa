import os
import zipfile

import numpy as np
import pytest

from cal_jax.data.glyphs.archive import load_glyphs, save_glyphs
from cal_jax.data.glyphs.glyphs import Face, Glyphs
from cal_jax.data.glyphs.published import write_table
from cal_jax.data.glyphs.refusals import Refusal
from cal_jax.data.glyphs.sheet import draw_sheet
from cal_jax.errors import InputError


def face(name, family="F", **changes):
    return Face(name, family, "bold", "italic", "normal", "OFL é", f"{name}.ttf")._replace(
        **changes
    )


def glyphs(**changes):
    items = np.random.default_rng(0).integers(256, size=(2, 3, 32, 32)).astype(np.uint8)
    fields = {"items": items, "letters": "Abc", "faces": (face("one"), face("two"))}
    fields["refusals"] = (Refusal("bad.ttf", "broken file", "TTLibError"),)
    return Glyphs(**fields | changes)


def test_what_is_saved_is_loaded(tmp_path):
    made = glyphs()
    loaded = load_glyphs(save_glyphs(tmp_path / "a.npz", made))
    np.testing.assert_array_equal(loaded.items, made.items)
    assert loaded.items.dtype == np.uint8
    assert (loaded.letters, loaded.faces, loaded.refusals) == ("Abc", made.faces, made.refusals)
    save_glyphs(tmp_path / "b.npz", loaded)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    none = load_glyphs(save_glyphs(tmp_path / "c.npz", glyphs(refusals=())))
    assert none.refusals == ()


def arrays(**changes):
    made = glyphs()
    held = {
        "format": np.asarray(1),
        "items": made.items,
        "letters": np.asarray("Abc"),
        "faces": np.asarray(made.faces),
        "refusals": np.asarray(made.refusals),
    }
    return {k: v for k, v in (held | changes).items() if v is not None}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": np.asarray(2)}, "format 2; accepted: 1"),
        ({"format": np.asarray("1")}, "format 1; accepted: 1"),
        ({"letters": None}, "arrays faces, format, items, refusals; accepted: a file that"),
        ({"more": np.asarray(1)}, "arrays faces, .*more.*; accepted"),
        ({"items": np.zeros((2, 3, 32, 32))}, r"items: float64 \(2, 3, 32, 32\); accepted: uint8"),
        ({"items": np.zeros((2, 3, 32, 8), np.uint8)}, "accepted: uint8"),
        ({"items": np.zeros((2, 4, 32, 32), np.uint8)}, "letters 'Abc' of items .*; accepted: 4"),
        ({"items": np.zeros((3, 3, 32, 32), np.uint8)}, "faces: 2; accepted: 1 or more, one for"),
        ({"letters": np.asarray("Abb")}, "letters 'Abb' .*each once"),
        ({"letters": np.asarray(["Abc"])}, "letters .*accepted: one string"),
        ({"faces": np.asarray([[1] * 7] * 2)}, r"faces int64 \(2, 7\); accepted: strings"),
        ({"faces": np.asarray([["a"] * 6] * 2)}, r"faces <U1 \(2, 6\); accepted: strings"),
        ({"faces": np.asarray([face("one"), face("one")])}, "faces: 2 of the name 'one'"),
        ({"faces": np.asarray([face("a", weight="fat"), face("b")])}, "weight 'fat'; accepted"),
        ({"faces": np.asarray([face(""), face("b")])}, "face .ttf: no name; accepted"),
        ({"refusals": np.asarray([["a", "because", ""]])}, "reason 'because'; accepted"),
        ({"items": np.asarray([None])}, "Python objects, which need pickle; accepted"),
    ],
)
def test_files_that_are_refused(tmp_path, changes, reason):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(InputError, match=rf"a\.npz: .*{reason}") as caught:
        load_glyphs(path)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused(tmp_path):
    body = save_glyphs(tmp_path / "a.npz", glyphs()).read_bytes()
    bodies = [body[:-30], b"", b"words", body[:200] + b"\xff" * 40 + body[240:]]
    for place, wrong in enumerate(bodies):
        path = tmp_path / f"{place}.npz"
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=rf"{place}\.npz: .*accepted"):
            load_glyphs(path)
    with pytest.raises(InputError, match="none: cannot be read"):
        load_glyphs(tmp_path / "none")
    with pytest.raises(InputError, match=r"0\.npz/a\.npz: cannot be written: "):
        save_glyphs(tmp_path / "0.npz" / "a.npz", glyphs())


@pytest.mark.parametrize(
    "write",
    [
        lambda path: save_glyphs(path, glyphs()),
        lambda path: write_table(path, ("one", "two"), [(1, "é"), (2, "b")]),
        lambda path: draw_sheet(path, glyphs()),
    ],
    ids=["archive", "table", "sheet"],
)
def test_a_failure_keeps_the_file_that_was_there(write, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="file: cannot be written: No space left on device"):
            write(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    write(path)
    assert len(path.read_bytes()) > len(b"before")


def test_a_header_that_promises_more_than_there_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (999999, 52, 32, 32), }"
        archive.writestr(
            "items.npy", b"\x93NUMPY\x01\x00" + b"\x76\x00" + header.ljust(117) + b"\n"
        )
    with pytest.raises(InputError, match=r"items: .*accepted"):
        load_glyphs(tmp_path / "a.npz")


def test_letters_that_are_not_there():
    with pytest.raises(InputError, match="letters 'AZ'; accepted: some of Abc"):
        glyphs().only("AZ")
    with pytest.raises(InputError, match="letters ''; accepted"):
        glyphs().only("")
    assert glyphs().take(np.array([False, True])).faces == (face("two"),)
