import sys

import numpy as np
import pytest

from cal_jax.data.digits import load_digits
from cal_jax.data.images import fingerprint
from cal_jax.errors import InputError


def test_digits_are_split_in_proportion():
    splits = load_digits()
    assert splits.name == "digits"
    assert splits.train.images.shape == (1397, 8, 8)
    assert splits.test.images.shape == (400, 8, 8)
    for split in (splits.train, splits.test):
        assert split.images.dtype == np.uint8
        assert (split.images.min(), split.images.max()) == (0, 255)
        shares = np.bincount(split.labels, minlength=10) / len(split.labels)
        np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_the_split_is_a_partition_of_scikit_learns_images():
    from sklearn import datasets

    splits = load_digits()
    images = np.concatenate([splits.train.images, splits.test.images]).reshape(1797, 64)
    original = datasets.load_digits().data
    np.testing.assert_allclose(
        sorted(map(tuple, images * (16 / 255))), sorted(map(tuple, original)), atol=0.04
    )


def test_the_split_is_the_same_every_time():
    assert fingerprint(load_digits()) == fingerprint(load_digits())


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"scikit-learn; accepted: .*cal-jax\[experiments\]"):
        load_digits()
