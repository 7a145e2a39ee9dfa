"""Readers of published files, on small files of the same form that the tests write."""

import io
import struct
import tarfile

import numpy as np
import pytest

from cal_jax.data.benchmarks.binary_matrix import read_binary_matrix
from cal_jax.data.benchmarks.cars3d import read_cars3d
from cal_jax.data.benchmarks.dsprites import read_dsprites
from cal_jax.data.benchmarks.mpi3d import COMPLEX_SIZES, SIZES, read_mpi3d
from cal_jax.data.benchmarks.shapes3d import FACTORS, read_shapes3d
from cal_jax.data.benchmarks.smallnorb import PARTS, read_smallnorb
from cal_jax.errors import InputError

RNG = np.random.default_rng(0)


def refused(reason, read, *arguments):
    """Refused in one line that names the file, the reason and what is accepted."""
    with pytest.raises(InputError, match=reason) as caught:
        read(*arguments)
    message = str(caught.value)
    assert str(arguments[0]) in message and "; accepted: " in message and "\n" not in message


# dSprites


def sprites(**changes):
    classes = np.stack([np.zeros(6), [0, 1, 2, 0, 1, 2], *RNG.integers(5, size=(4, 6))], axis=1)
    arrays = {
        "metadata": np.array({"title": "a pickle, as published"}, dtype=object),
        "imgs": RNG.integers(2, size=(6, 64, 64), dtype=np.uint8),
        "latents_classes": classes.astype(np.int64),
        "latents_values": classes,
    }
    return {**arrays, **changes}


def save(path, arrays):
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_dsprites(tmp_path):
    arrays = sprites()
    data = read_dsprites(save(tmp_path / "dsprites.npz", arrays))
    np.testing.assert_array_equal(data.items, arrays["imgs"])
    assert data.names == ("shape", "scale", "orientation", "x", "y")
    assert data.value_names["shape"] == ("square", "ellipse", "heart")
    np.testing.assert_array_equal(data.table[:, 0], [0, 1, 2, 0, 1, 2])
    y = np.asarray(data.value_names["y"])[data.table[:, 4]].astype(int)
    np.testing.assert_array_equal(y, arrays["latents_classes"][:, 5])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"imgs": None}, "no array 'imgs'"),
        ({"imgs": np.zeros((6, 32, 64), np.uint8)}, r"imgs: uint8 \(6, 32, 64\); accepted: uint8"),
        ({"imgs": np.zeros((6, 64, 64))}, "imgs: float64"),
        ({"imgs": np.full((6, 64, 64), 255, np.uint8)}, "levels up to 255"),
        ({"imgs": np.array([None] * 6)}, "Python objects, which need pickle"),
        ({"latents_classes": np.zeros((6, 5), int)}, r"latents_classes: int64 \(6, 5\)"),
        ({"latents_classes": np.zeros((6, 6))}, "latents_classes: float64"),
        ({"latents_classes": np.full((6, 6), 3)}, "shape 3; accepted: 0 to 2"),
    ],
)
def test_other_archives_are_no_dsprites(tmp_path, changes, reason):
    refused(reason, read_dsprites, save(tmp_path / "dsprites.npz", sprites(**changes)))


@pytest.mark.parametrize("read", [read_dsprites, read_mpi3d])
def test_damaged_archives(tmp_path, read):
    whole = save(tmp_path / "whole.npz", sprites()).read_bytes()
    refused("no such file; accepted: that of https://", read, tmp_path / "none.npz")
    for content in (b"", b"\x80\x04pickle", whole[:-100], whole[:50]):
        (tmp_path / "bad.npz").write_bytes(content)
        refused("accepted: ", read, tmp_path / "bad.npz")


# MPI3D


def test_mpi3d(tmp_path):
    sizes = {**dict.fromkeys(SIZES, 1), "object_size": 2, "vertical_axis": 3}
    images = RNG.integers(256, size=(6, 64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / "mpi3d_toy.npz", {"images": images})
    data = read_mpi3d(path, sizes)
    np.testing.assert_array_equal(data.items, images)
    assert data.names == tuple(SIZES)
    np.testing.assert_array_equal(data.table[:, 2], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(data.table[:, 6], [0, 1, 2] * 2)
    refused(r"images: uint8 \(6, 64, 64, 3\); accepted: uint8 \[1036800, 64,", read_mpi3d, path)
    refused(r"accepted: uint8 \[460800, 64, 64, 3\]", read_mpi3d, path, COMPLEX_SIZES)
    other = save(tmp_path / "other.npz", {"pictures": images})
    refused("no array 'images'", read_mpi3d, other, sizes)
    objects = save(tmp_path / "objects.npz", {"images": np.array([None] * 6)})
    refused("need pickle", read_mpi3d, objects, sizes)


# Shapes3D


@pytest.fixture(name="h5py")
def hdf5():
    return pytest.importorskip("h5py")


def rooms(h5py, path, images=None, labels=None):
    if images is None:
        images = RNG.integers(256, size=(8, 64, 64, 3), dtype=np.uint8)
    if labels is None:
        labels = np.stack([*RNG.integers(10, size=(3, 8)) / 10, RNG.random(8), *[[0, 3] * 4] * 2])
        labels = labels.T if labels.shape[0] == 6 else labels
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, chunks=True, compression="gzip")
        file.create_dataset("labels", data=labels)
    return images, labels


def test_shapes3d(tmp_path, h5py):
    images, labels = rooms(h5py, tmp_path / "3dshapes.h5")
    data = read_shapes3d(str(tmp_path / "3dshapes.h5"))
    np.testing.assert_array_equal(data.items, images)
    assert data.names == FACTORS and data.sizes["shape"] == 4
    np.testing.assert_array_equal(data.table[:, 4], labels[:, 4])
    hue = np.asarray(data.value_names["floor_hue"])[data.table[:, 0]].astype(float)
    np.testing.assert_array_equal(hue, labels[:, 0])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": np.zeros((8, 64, 64), np.uint8)}, r"images: uint8 \(8, 64, 64\)"),
        ({"images": np.zeros((8, 64, 64, 3), np.float32)}, "images: float32"),
        ({"labels": np.zeros((7, 6))}, r"labels: float64 \(7, 6\); accepted: numbers \(8, 6\)"),
        ({"labels": np.full((8, 6), 4.0)}, "a shape that is not 0 to 3"),
    ],
)
def test_other_arrays_are_no_shapes3d(tmp_path, h5py, changes, reason):
    rooms(h5py, tmp_path / "3dshapes.h5", **changes)
    refused(reason, read_shapes3d, tmp_path / "3dshapes.h5")


def test_hdf5_that_points_elsewhere_or_holds_less_than_it_says(tmp_path, h5py):
    rooms(h5py, tmp_path / "real.h5")
    path = tmp_path / "3dshapes.h5"
    with h5py.File(path, "w") as file:
        file["images"] = h5py.ExternalLink(str(tmp_path / "real.h5"), "images")
    refused("no array 'images' of its own", read_shapes3d, path)
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (1000, 64, 64, 3), "uint8", chunks=True)
    refused("0 bytes stored", read_shapes3d, path)
    with h5py.File(path, "w") as file:
        file.create_group("images")
    refused("no array of the file's own", read_shapes3d, path)
    for content in (
        b"",
        b"\x89HDF\r\n\x1a\n" + bytes(50),
        (tmp_path / "real.h5").read_bytes()[:999],
    ):
        path.write_bytes(content)
        refused("no HDF5, or damaged", read_shapes3d, path)


# Cars3D


def car(views=(3, 2), side=8, **others):
    matlab = pytest.importorskip("scipy.io")
    image = RNG.integers(256, size=(side, side, 3, *views), dtype=np.uint8)
    stream = io.BytesIO()
    matlab.savemat(stream, {"im": image, **others}, do_compression=True)
    return image, stream.getvalue()


def pack(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "folder"])
def test_cars3d(tmp_path, mode):
    (first, a), (second, b) = car(), car()
    files = {"data/cars/b.mat": b, "data/cars/a.mat": a, "data/chairs/c.mat": b"not read"}
    if mode == "folder":
        (tmp_path / "data/cars").mkdir(parents=True)
        for name in ("a", "b"):
            (tmp_path / f"data/cars/{name}.mat").write_bytes(files[f"data/cars/{name}.mat"])
        data = read_cars3d(tmp_path / "data")
    else:
        data = read_cars3d(pack(tmp_path / "cars.tar", files, mode))
    assert data.names == ("car", "azimuth", "elevation") and data.event_shape == (4, 4, 3)
    assert data.sizes == {"car": 2, "azimuth": 3, "elevation": 2}
    for item, (who, azimuth, elevation) in zip(data.items, data.table, strict=True):
        picture = (first, second)[who][..., azimuth, elevation]
        small = picture.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
        np.testing.assert_array_equal(item, np.round(small))


def test_tars_that_are_no_cars3d(tmp_path):
    path = tmp_path / "cars.tar.gz"
    good = car()[1]
    odd = car(side=7)[1]
    cases = [
        ({}, "no cars/.*mat in it"),
        ({"data/cars/a.mat": good[:200]}, "a.mat: no MATLAB file"),
        ({"data/cars/a.mat": b"\x80\x04pickle"}, "a.mat: no MATLAB file"),
        ({"data/cars/a.mat": odd}, "even height and width"),
        ({"data/cars/a.mat": good, "data/cars/b.mat": car(views=(2, 2))[1]}, "as before"),
    ]
    for files, reason in cases:
        refused(reason, read_cars3d, pack(path, files))
    matlab = pytest.importorskip("scipy.io")
    for value in (np.zeros((8, 8, 3, 3, 2)), np.array([1, "x"], object)):
        stream = io.BytesIO()
        matlab.savemat(stream, {"im": value})
        refused("a.mat: im: ", read_cars3d, pack(path, {"data/cars/a.mat": stream.getvalue()}))
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("data/cars/a.mat")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    refused("no plain file", read_cars3d, path)
    path.write_bytes(pack(path, {"data/cars/a.mat": good}).read_bytes()[:-40])
    refused("damaged", read_cars3d, path)
    refused("no such file", read_cars3d, tmp_path / "none")


# SmallNORB


def matrix(array, magic=None, dims=None):
    array = np.asarray(array)
    magic = magic or {1: 0x1E3D4C55, 4: 0x1E3D4C54}[array.itemsize]
    dims = array.shape if dims is None else dims
    stored = (*dims, *[1] * (3 - len(dims)))
    return struct.pack(f"<Ii{len(stored)}i", magic, len(dims), *stored) + array.tobytes()


def toys(directory, part, count=4, **changes):
    arrays = {
        "dat": RNG.integers(256, size=(count, 2, 96, 96), dtype=np.uint8),
        "cat": (np.arange(count) % 5).astype(np.int32),
        "info": RNG.integers(6, size=(count, 4), dtype=np.int32),
    }
    for kind, array in {**arrays, **changes}.items():
        content = array if isinstance(array, bytes) else matrix(array)
        (directory / f"smallnorb-{part}-{kind}.mat").write_bytes(content)
    return arrays


def test_smallnorb(tmp_path):
    parts = [toys(tmp_path, part) for part in PARTS]
    data = read_smallnorb(tmp_path)
    assert data.event_shape == (64, 64) and data.num_items == 8
    assert data.names == ("category", "instance", "elevation", "azimuth", "lighting")
    np.testing.assert_array_equal(data.table[:, 0], [0, 1, 2, 3] * 2)
    lighting = np.asarray(data.value_names["lighting"])[data.table[:, 4]].astype(int)
    np.testing.assert_array_equal(lighting, np.concatenate([part["info"][:, 3] for part in parts]))
    means = np.concatenate([part["dat"][:, 0] for part in parts]).mean(axis=(1, 2))
    np.testing.assert_allclose(data.items.mean(axis=(1, 2)), means, atol=0.3)
    whole = read_smallnorb(tmp_path, size=96)
    np.testing.assert_array_equal(whole.items[4:], parts[1]["dat"][:, 0])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dat": np.zeros((4, 96, 96), np.uint8)}, r"-dat.mat: uint8 \(4, 96, 96\)"),
        ({"dat": np.zeros((4, 2, 96, 96), np.int32)}, "-dat.mat: int32"),
        ({"cat": np.zeros(3, np.int32)}, r"-cat.mat: int32 \(3,\); accepted: int32 \(4,\)"),
        ({"cat": np.full(4, 7, np.int32)}, "category 7"),
        ({"info": np.zeros((4, 3), np.int32)}, r"-info.mat: int32 \(4, 3\)"),
        ({"info": b"\x80\x04pickle.."}, "starts with 0x"),
    ],
)
def test_other_files_are_no_smallnorb(tmp_path, changes, reason):
    toys(tmp_path, PARTS[1])
    refused("no such file", read_smallnorb, tmp_path)
    toys(tmp_path, PARTS[0], **changes)
    refused(reason, read_smallnorb, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (matrix(np.zeros(4, np.int32), magic=0x1E3D4C51), "starts with 0x1e3d4c51"),
        (matrix(np.zeros(4, np.int32))[:-1], "15 bytes after the header of .4,.; accepted: 16"),
        (matrix(np.zeros(4, np.int32)) + b"x", "17 bytes"),
        (matrix(np.zeros(4, np.int32), dims=(-4,)), "accepted: -16"),
        (matrix(np.zeros(4, np.int32), dims=(2**31 - 1, 2**31 - 1)), "16 bytes after"),
        (struct.pack("<Ii", 0x1E3D4C55, 2**30), "1073741824 dimensions"),
        (struct.pack("<Ii", 0x1E3D4C55, -1) + bytes(20), "-1 dimensions"),
    ],
)
def test_binary_matrices_that_lie(tmp_path, content, reason):
    path = tmp_path / "matrix.mat"
    path.write_bytes(content)
    refused(reason, read_binary_matrix, path)
