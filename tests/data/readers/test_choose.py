"""One function chooses the reader; and IDX files, which have their own."""

import gzip

import numpy as np
import pytest

from cal_jax.data.readers import read
from cal_jax.data.readers.idx_files import read_idx_files
from cal_jax.errors import InputError
from tests.data.idx_files import grey, idx_bytes

X = np.zeros((4, 3), np.float32)


def test_arrays(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, who=np.array(list("abab")))
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "labels.csv").write_text("who,n\na,1\nb,2\na,1\nb,1\n")
    assert read(str(tmp_path / "data.npz")).names == ("who",)
    table = tmp_path / "labels.csv"
    assert read(tmp_path / "x.npy", table=str(table)).names == ("who", "n")
    assert read(tmp_path / "x.npy", ("n",), table=table).names == ("n",)


def test_images(tmp_path):
    image = pytest.importorskip("PIL.Image").fromarray(grey(1)[0])
    for who in "ab":
        (tmp_path / "tree" / who).mkdir(parents=True)
        image.save(tmp_path / "tree" / who / "0.png")
    assert read(tmp_path / "tree", ("who",)).items.shape == (2, 4, 3, 1)
    (tmp_path / "tree.csv").write_text("file,who\ntree/a/0.png,x\n")
    assert read(tmp_path / "tree.csv", mode="RGB").items.shape == (1, 4, 3, 3)
    (tmp_path / "other.csv").write_text("image,who\na/0.png,x\n")
    data = read(tmp_path / "other.csv", folder=tmp_path / "tree", file_column="image")
    assert data.names == ("who",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tree", r"tree: a directory; accepted: .npz, .npy, .csv"),
        ("data.hdf5", "data.hdf5: not known; accepted: .npz"),
        ("none.npz", r"none.npz: cannot be read \(No such"),
    ],
)
def test_paths_that_are_refused(tmp_path, name, reason):
    (tmp_path / "tree").mkdir()
    with pytest.raises(InputError, match=reason):
        read(tmp_path / name)


def test_options_of_another_reader(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, who=np.array(list("abab")))
    with pytest.raises(InputError, match=r"data.npz: .*'mode'; accepted: the options"):
        read(tmp_path / "data.npz", mode="L")


def test_idx_files(tmp_path):
    pixels, labels = grey(6), np.arange(6) % 3
    (tmp_path / "images").write_bytes(gzip.compress(idx_bytes(pixels)))
    (tmp_path / "labels").write_bytes(idx_bytes(labels))
    data = read_idx_files(tmp_path / "images", {"digit": tmp_path / "labels"})
    np.testing.assert_array_equal(data.items, pixels)
    np.testing.assert_array_equal(data.columns(["digit"])[:, 0], labels)
    (tmp_path / "labels").write_bytes(idx_bytes(labels[:5]))
    with pytest.raises(InputError, match=r"images: factor 'digit': shape \(5,\); accepted"):
        read_idx_files(tmp_path / "images", {"digit": tmp_path / "labels"})
    with pytest.raises(InputError, match=r"images: 3 dimension\(s\); accepted: .* with 2"):
        read_idx_files(tmp_path / "images", {"digit": tmp_path / "labels"}, dims=2)
