import gzip

import numpy as np
import pytest

from cal_jax.data.mnist import FILES, load_mnist
from cal_jax.errors import InputError
from tests.data.idx_files import grey, idx_bytes, write_mnist


@pytest.mark.parametrize("folder", [".", "MNIST/raw", "raw"])
@pytest.mark.parametrize("packed", [True, False], ids=["gzipped", "plain"])
def test_loads_every_layout(tmp_path, folder, packed):
    write_mnist(tmp_path / folder, packed=packed)
    splits = load_mnist(tmp_path)
    assert splits.name == "mnist"
    np.testing.assert_array_equal(splits.train.images, grey(20))
    np.testing.assert_array_equal(splits.test.images, grey(10))
    np.testing.assert_array_equal(splits.train.labels, np.arange(20) % 10)
    assert splits.train.labels.dtype == np.int32


def test_mixed_files_and_the_gzipped_one_preferred(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / FILES[0]).write_bytes(b"not this one")
    (tmp_path / f"{FILES[1]}.gz").unlink()
    (tmp_path / FILES[1]).write_bytes(idx_bytes(np.full(20, 3)))
    splits = load_mnist(tmp_path)
    np.testing.assert_array_equal(splits.train.images, grey(20))
    np.testing.assert_array_equal(splits.train.labels, np.full(20, 3))


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(tmp_path, name):
    write_mnist(tmp_path)
    (tmp_path / f"{name}.gz").unlink()
    with pytest.raises(InputError, match=f"no {name}; accepted: {', '.join(FILES)}"):
        load_mnist(tmp_path)


def test_empty_directory(tmp_path):
    with pytest.raises(InputError, match=f"no {FILES[0]}; accepted: .*MNIST/raw or in raw$"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("row", "array", "reason"),
    [
        (1, np.arange(19) % 10, "20 images but 19 labels"),
        (3, np.full(10, 255), "label 255 of image 0; accepted: 0 to 9"),
        (2, grey(10, 5, 5), "images of 5 x 5; accepted: 4 x 3"),
        (0, np.arange(20), r"1 dimension\(s\)"),
    ],
)
def test_row_23_files_that_do_not_fit(tmp_path, row, array, reason):
    write_mnist(tmp_path)
    (tmp_path / f"{FILES[row]}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    with pytest.raises(InputError, match=f"{FILES[row]}.gz: .*{reason}"):
        load_mnist(tmp_path)
