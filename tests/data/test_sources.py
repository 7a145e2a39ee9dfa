from pathlib import Path

import numpy as np
import pytest

from cal_jax.data import sources
from cal_jax.data.digits import load_digits
from cal_jax.data.sources import download_directory, load_images
from cal_jax.errors import InputError
from tests.data.idx_files import write_mnist


def test_none_is_the_embedded_digits():
    splits = load_images(None, size=8)
    assert splits.name == "digits"
    np.testing.assert_array_equal(splits.test.images, load_digits().test.images)


def test_a_directory_is_read_as_idx_and_resized(tmp_path):
    write_mnist(tmp_path)
    splits = load_images(tmp_path, size=6)
    assert splits.name == "mnist"
    assert splits.train.images.shape == (20, 6, 6)
    assert splits.test.images.shape == (10, 6, 6)
    np.testing.assert_array_equal(splits.test.labels, np.arange(10))


def test_not_a_directory(tmp_path):
    (tmp_path / "file").touch()
    for name in ("absent", "file"):
        with pytest.raises(InputError, match=f"{name}: not a directory; accepted: "):
            load_images(tmp_path / name, size=8)


def test_download_goes_to_the_directory_given(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "download_mnist", write_mnist)
    assert load_images(tmp_path / "new", size=4, download=True).name == "mnist"
    assert (tmp_path / "new").is_dir()


def test_download_goes_to_the_cache_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "download_mnist", write_mnist)
    assert load_images(None, size=4, download=True).name == "mnist"
    assert (tmp_path / "cal_jax" / "mnist").is_dir()


@pytest.mark.parametrize("cache", [None, "", "relative/path"])
def test_cache_directory_without_a_usable_xdg_cache_home(monkeypatch, cache):
    if cache is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert download_directory() == Path("/home/somebody/.cache/cal_jax/mnist")
