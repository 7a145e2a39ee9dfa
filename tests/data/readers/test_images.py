"""Folders of images: those that a CSV file lists, and trees whose folders are values."""

import sys

import numpy as np
import pytest

from cal_jax.data.readers.image_folder import read_image_folder
from cal_jax.data.readers.image_tree import read_image_tree
from cal_jax.data.readers.images import decode_images
from cal_jax.errors import InputError

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def save(path, shape=(5, 4, 3), mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(256, size=shape, dtype=np.uint8)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)
    return pixels


@pytest.fixture
def folder(tmp_path):
    """Four images, of which the table lists three, in an order of its own."""
    pixels = [save(tmp_path / "pictures" / f"{n}.png") for n in range(4)]
    (tmp_path / "labels.csv").write_text("who,file,n\nann,2.png,10\nbob,0.png,9\nann,3.png,10\n")
    return tmp_path, np.stack(pixels)


def test_the_images_that_a_table_lists(folder):
    root, pixels = folder
    data = read_image_folder(root / "pictures", root / "labels.csv")
    np.testing.assert_array_equal(data.items, pixels[[2, 0, 3]])
    assert data.names == ("who", "n")
    assert data.value_names == {"who": ("ann", "bob"), "n": ("9", "10")}
    np.testing.assert_array_equal(data.table, [[0, 1], [1, 0], [0, 1]])
    assert read_image_folder(root / "pictures", root / "labels.csv", factors=("n",)).names == ("n",)
    grey = read_image_folder(root / "pictures", root / "labels.csv", mode="L")
    assert grey.event_shape == (5, 4, 1)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("who,file\nann,2.png\nbob,7.png\n", "row 2: '7.png' is no file; accepted: files in"),
        ("who,file\nann,.\n", "row 1: '.' is no file"),
        ("who,file\nann,../outside.png\n", "row 1: '../outside.png' leaves .*; accepted: files in"),
        ("who,file\nann,ROOT/outside.png\n", "row 1: '.*outside.png' leaves"),
        ("who,file\nann,link.png\n", "row 1: 'link.png' leaves"),
        ("who,file\nann,2.png\nbob,./2.png\n", r"row 2: './2.png' again, as in row 1; accepted"),
        ("who,file\nann,2.png\n,0.png\n", "line 3 has no who; accepted"),
        ("who,path\nann,2.png\n", "no column 'file'; accepted: a column of paths"),
        ("file\n2.png\n", "factors: none; accepted: 1 or more"),
    ],
)
def test_tables_that_do_not_fit(folder, table, reason):
    root, _ = folder
    save(root / "outside.png")
    (root / "pictures" / "link.png").symlink_to(root / "outside.png")
    (root / "labels.csv").write_text(table.replace("ROOT", str(root)))
    with pytest.raises(InputError, match=reason) as caught:
        read_image_folder(root / "pictures", root / "labels.csv")
    assert str(caught.value).startswith(f"{root / 'labels.csv'}: ")


def test_columns_and_folders_that_are_not_there(folder):
    root, _ = folder
    with pytest.raises(InputError, match="no column 'size'; accepted: who, file, n"):
        read_image_folder(root / "pictures", root / "labels.csv", factors=("size",))
    with pytest.raises(InputError, match="none: not a folder; accepted: one of images"):
        read_image_folder(root / "none", root / "labels.csv")


def test_a_tree(tmp_path):
    pixels = {
        (who, n): save(tmp_path / who / n / f"{k}.png", (5, 4))
        for k, (who, n) in enumerate([("bob", "9"), ("ann", "10"), ("ann", "9"), ("bob", "10")])
    }
    (tmp_path / ".hidden").write_text("passed over")
    (tmp_path / "empty").mkdir()
    data = read_image_tree(tmp_path, ("who", "n"))
    assert data.event_shape == (5, 4, 1)
    assert data.value_names == {"who": ("ann", "bob"), "n": ("9", "10")}
    for item, code in zip(data.items[..., 0], data.table, strict=True):
        names = [data.value_names[name][c] for name, c in zip(data.names, code, strict=True)]
        np.testing.assert_array_equal(item, pixels[tuple(names)])
    (tmp_path / "ann" / "stray.png").write_bytes((tmp_path / "ann/9/2.png").read_bytes())
    with pytest.raises(InputError, match=r"stray.png: 1 folders deep; accepted: <who>/<n>/\*.png"):
        read_image_tree(tmp_path, ("who", "n"))
    (tmp_path / "ann" / "stray.png").rename(tmp_path / "ann" / "9" / "notes.txt")
    with pytest.raises(InputError, match=r"notes.txt: no image's name; accepted: .png"):
        read_image_tree(tmp_path, ("who", "n"))


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        ((), r"factors \(\); accepted: one name a level"),
        ("who", "factors 'who'; accepted: one name a level"),
        (("who", "who"), "each once"),
        (("who",), r": no images; accepted: <who>/\*.png"),
    ],
)
def test_trees_that_are_refused(tmp_path, factors, reason):
    with pytest.raises(InputError, match=reason):
        read_image_tree(tmp_path, factors)


def test_a_tree_leaves_its_folder_by_no_link(tmp_path):
    save(tmp_path / "outside.png")
    (tmp_path / "tree" / "ann").mkdir(parents=True)
    (tmp_path / "tree" / "ann" / "x.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(InputError, match=r"'ann/x.png' leaves .*tree; accepted"):
        read_image_tree(tmp_path / "tree", ("who",))


@pytest.mark.parametrize(("suffix", "mode"), [("png", None), ("bmp", None), ("png", "P")])
def test_formats(tmp_path, suffix, mode):
    pixels = [save(tmp_path / f"{n}.{suffix}", (5, 4)) for n in range(2)]
    if mode:
        for n, one in enumerate(pixels):
            Image.fromarray(one).convert(mode).save(tmp_path / f"{n}.{suffix}")
    decoded = decode_images([tmp_path / f"{n}.{suffix}" for n in range(2)], "L" if mode else None)
    np.testing.assert_array_equal(decoded[..., 0], pixels)


def bad(tmp_path, what):
    path = tmp_path / "1.png"
    if what == "size":
        save(path, (6, 4, 3))
    elif what == "grey":
        save(path, (5, 4))
    elif what == "alpha":
        save(path, (5, 4, 4))
    elif what == "deep":
        Image.fromarray(np.zeros((5, 4), np.uint16)).save(path)
    elif what == "text":
        path.write_text("<html>")
    elif what == "cut":
        save(path, (50, 40, 3))
        path.write_bytes(path.read_bytes()[:-2000])
        save(tmp_path / "0.png", (50, 40, 3))
    elif what == "huge":
        save(path)
        content = bytearray(path.read_bytes())
        content[16:24] = b"\0\0\x80\0\0\0\x80\0"
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("what", "mode", "reason"),
    [
        (
            "size",
            None,
            r"height, width and channels \(6, 4, 3\); accepted: \(5, 4, 3\), as of .*0.p",
        ),
        ("grey", None, r"channels \(5, 4, 1\); accepted: \(5, 4, 3\), as of"),
        ("alpha", None, "mode RGBA; accepted: L .grey. or RGB of 8 bits, or mode='L' or 'RGB'"),
        ("deep", "RGB", "mode I;16; accepted"),
        ("text", None, "no image .*; accepted: PNG"),
        ("cut", None, "damaged .*; accepted: a whole image"),
        ("huge", None, "no image .*; accepted"),
        ("missing", None, r"no image \(FileNotFoundError\); accepted"),
    ],
)
def test_images_that_are_refused(tmp_path, what, mode, reason):
    save(tmp_path / "0.png")
    path = bad(tmp_path, what)
    with pytest.raises(InputError, match=reason) as caught:
        decode_images([tmp_path / "0.png", path], mode)
    assert str(caught.value).startswith(f"{path}: ")


def test_alpha_is_dropped_where_a_mode_is_asked_for(tmp_path):
    pixels = save(tmp_path / "0.png", (5, 4, 4))
    decoded = decode_images([tmp_path / "0.png"], "RGB")
    np.testing.assert_array_equal(decoded[0], pixels[..., :3])
    with pytest.raises(InputError, match="mode 'CMYK'; accepted: L, RGB, or None"):
        decode_images([tmp_path / "0.png"], "CMYK")


def test_too_many_images_are_not_allocated(tmp_path, monkeypatch):
    monkeypatch.setattr("cal_jax.data.readers.images.MAX_BYTES", 100)
    save(tmp_path / "0.png")
    with pytest.raises(InputError, match=r"2 images of \(5, 4, 3\); accepted: 100 bytes in all"):
        decode_images([tmp_path / "0.png"] * 2)


def test_missing_pillow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"need Pillow.*; accepted: .*cal-jax\[data\]"):
        decode_images([tmp_path / "0.png"])
