import io
import struct
import zipfile

import numpy as np
import pytest

from cal_jax.data.readers.arrays import read_arrays
from cal_jax.errors import InputError

X = np.random.default_rng(0).integers(256, size=(6, 4, 3), dtype=np.uint8)
WHO = np.array(list("abcabc"))
N = np.array([3, 1, 3, 3, 1, 1])


@pytest.fixture
def archive(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", x=X, who=WHO, n=N)
    return tmp_path / "data.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_of_items_and_factors(tmp_path, save):
    save(tmp_path / "data.npz", n=N, x=X, who=WHO)
    data = read_arrays(tmp_path / "data.npz")
    np.testing.assert_array_equal(data.items, X)
    assert data.names == ("n", "who")
    np.testing.assert_array_equal(np.asarray(data.value_names["who"])[data.table[:, 1]], WHO)
    assert read_arrays(tmp_path / "data.npz", factors=("who",)).names == ("who",)


def test_the_items_of_several_arrays_are_named(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=X[:, 0] / 2, who=WHO)
    with pytest.raises(InputError, match=r"2 arrays of rank 2 or more \(x, y\); accepted: one, or"):
        read_arrays(tmp_path / "data.npz")
    data = read_arrays(tmp_path / "data.npz", items="y")
    assert data.items.dtype == np.float32
    assert data.names == ("who",)
    with pytest.raises(InputError, match="no array 'z'; accepted: x, y, who"):
        read_arrays(tmp_path / "data.npz", items="z")


def test_a_table_beside_the_items(tmp_path, archive):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "labels.csv").write_text("who,n\n" + "".join(f"{w},1\n" for w in WHO))
    for path in (tmp_path / "x.npy", archive):
        data = read_arrays(path, tmp_path / "labels.csv", factors=("who",))
        assert data.names == ("who",)
        np.testing.assert_array_equal(data.items, X)
    data = read_arrays(tmp_path / "x.npy", {"n": N, "who": WHO}, factors=("n",))
    assert data.names == ("n",)
    with pytest.raises(InputError, match="no factor 'm'; accepted: n, who"):
        read_arrays(tmp_path / "x.npy", {"n": N, "who": WHO}, factors=("m",))
    with pytest.raises(InputError, match=r"x.npy: items alone; accepted: a table"):
        read_arrays(tmp_path / "x.npy")
    (tmp_path / "labels.csv").write_text("who\na\n")
    with pytest.raises(InputError, match=r"x.npy, .*labels.csv: factor 'who': shape \(1,\); acc"):
        read_arrays(tmp_path / "x.npy", tmp_path / "labels.csv")


def test_factors_that_are_not_there(archive):
    with pytest.raises(InputError, match=r"no factor 'x'; accepted: who, n, arrays \[I\]"):
        read_arrays(archive, factors=("x",))


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, who=WHO.astype(object))
    np.save(tmp_path / "x.npy", X.astype(object))
    with pytest.raises(InputError, match=r"data.npz: who: Python objects, which need pickle; acc"):
        read_arrays(tmp_path / "data.npz")
    with pytest.raises(InputError, match=r"x.npy: Python objects, which need pickle; accepted"):
        read_arrays(tmp_path / "x.npy", {"n": N})


def header(shape, dtype="|u1", version=(1, 0)):
    file = io.BytesIO()
    entries = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, entries)
    content = bytearray(file.getvalue())
    content[6:8] = struct.pack("BB", *version)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header((1 << 20, 1 << 20)), r"shape \(1048576, 1048576\) of uint8; accepted: up to"),
        (header((6, 4)) + bytes(20), "20 bytes after the header; accepted: 24, as the header"),
        (header((6, 4)) + bytes(30), "30 bytes after the header; accepted: 24, as the header"),
        (header((6, -4)) + bytes(24), r"shape \(6, -4\) of uint8; accepted"),
        (header((6, 4), version=(3, 0)), r".npy version \(3, 0\); accepted"),
        (header((6, 4))[:40], "ValueError: .*; accepted: an array of numbers"),
        (b"", "accepted: an array of numbers or strings as numpy.save writes it"),
        (b"PK\x03\x04" + bytes(60), "accepted: an array of numbers"),
        (b"<html>" + bytes(60), "accepted: an array of numbers"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_headers_that_do_not_fit(tmp_path, content, reason, inside):
    if inside:
        path = tmp_path / "data.npz"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("x.npy", content)
    else:
        path = tmp_path / "x.npy"
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_arrays(path, {"n": N})
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_archive_that_claims_more_than_it_can_hold(tmp_path):
    """The directory and the array's header agree on 4 GB, of which there are 100 bytes."""
    path = tmp_path / "data.npz"
    size = 1 << 31
    content = header((size, 2))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", content + bytes(100))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 2 * size - 1)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"data.npz: .*; accepted"):
        read_arrays(path, {"n": N})
    data[directory + 24 : directory + 28] = struct.pack("<I", len(content) + (1 << 30))
    path.write_bytes(data)
    half = header((1 << 29, 2))
    assert len(half) == len(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", half + bytes(100))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", len(half) + (1 << 30))
    path.write_bytes(data)
    with pytest.raises(InputError, match="bytes after the header; accepted: 1073741824, as the he"):
        read_arrays(path, {"n": N})


def test_damage(archive, tmp_path):
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-30])
    with pytest.raises(InputError, match=r"data.npz: BadZipFile.*; accepted: a whole .npz"):
        read_arrays(archive)
    for count in (6, 600):  # the header's own block, and one that is read with the array
        np.savez_compressed(archive, x=np.tile(X, (count, 40, 1)), n=np.arange(6 * count))
        broken = bytearray(archive.read_bytes())
        start = broken.index(b"n.npy") - 120  # inside the items' compressed bytes
        broken[start : start + 8] = bytes(8)
        archive.write_bytes(broken)
        with pytest.raises(InputError, match=r"data.npz.*; accepted: a whole .np"):
            read_arrays(archive)
    with pytest.raises(InputError, match=r"none.npz: cannot be read \(No such file"):
        read_arrays(tmp_path / "none.npz")
