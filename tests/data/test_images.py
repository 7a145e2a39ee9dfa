import numpy as np
import pytest

from cal_jax.data import images as images_module
from cal_jax.data.images import (
    ImageSplits,
    LabelledImages,
    fingerprint,
    hold_back,
    resize,
    validate,
)
from cal_jax.errors import InputError
from tests.data.idx_files import grey


def labelled(rows=20):
    return LabelledImages(grey(rows), (np.arange(rows) % 10).astype(np.int32))


def test_validate_returns_good_images():
    images = labelled()
    assert validate(images, "here") is images


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"images": grey(19)}, "19 images but 20 labels"),
        ({"labels": np.full(20, 255, np.int32)}, "label 255 of image 0"),
        ({"labels": np.array([0] * 19 + [-1], np.int32)}, "label -1 of image 19"),
        ({"labels": np.zeros(20)}, "labels are float64"),
        ({"images": grey(20).astype(np.float32)}, "images are float32"),
        ({"images": grey(20)[0]}, r"images are uint8 \[4, 3\]"),
        ({"images": grey(0), "labels": np.zeros(0, np.int32)}, r"images are uint8 \[0, 4, 3\]"),
    ],
)
def test_row_23_counts_and_labels(change, reason):
    with pytest.raises(InputError, match=f"^here: .*{reason}.*; accepted: "):
        validate(labelled()._replace(**change), "here")


def test_resize_leaves_the_size_it_has():
    images = grey(5, 8, 8)
    assert resize(images, 8) is images


@pytest.mark.parametrize("size", [3, 4, 14, 28])
def test_resize_keeps_flat_images_and_the_range(size):
    images = np.stack([np.full((8, 8), level, np.uint8) for level in (0, 7, 255)])
    resized = resize(images, size)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, np.broadcast_to(images[:, :1, :1], (3, size, size)))


def test_shrinking_averages_every_pixel():
    # A single bright pixel is lost by plain interpolation, not by an average over the area.
    images = np.zeros((64, 8, 8), np.uint8)
    images[np.arange(64), np.arange(64) // 8, np.arange(64) % 8] = 255
    assert (resize(images, 2).max(axis=(1, 2)) > 0).all()
    np.testing.assert_allclose(resize(images, 2).mean(), images.mean(), rtol=0.1)


def test_growing_interpolates_linearly():
    ramp = np.broadcast_to(np.array([0, 100], np.uint8), (1, 2, 2))
    np.testing.assert_array_equal(resize(ramp, 4)[0, 0], [0, 25, 75, 100])


def test_resize_in_batches_is_resize_in_one(monkeypatch):
    images = grey(10, 8, 8)
    whole = resize(images, 5)
    monkeypatch.setattr(images_module, "RESIZE_BATCH", 4)
    np.testing.assert_array_equal(resize(images, 5), whole)


def test_resize_refuses_size_0():
    with pytest.raises(InputError, match="size 0; accepted: 1 or more"):
        resize(grey(2), 0)


def test_hold_back_splits_without_overlap():
    rows = np.arange(50)
    train = LabelledImages(rows.astype(np.uint8).reshape(50, 1, 1), (rows % 10).astype(np.int32))
    kept, held = hold_back(train, 12, seed=3)
    assert (len(kept.labels), len(held.labels)) == (38, 12)
    assert sorted([*kept.images.ravel(), *held.images.ravel()]) == list(rows)
    for part in (kept, held):
        np.testing.assert_array_equal(part.images.ravel() % 10, part.labels)
        assert (np.diff(part.images.ravel().astype(int)) > 0).all()


def test_hold_back_depends_on_the_seed_alone():
    train = labelled(200)
    first, again, other = (hold_back(train, 50, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize("count", [-1, 0, 20, 21])
def test_hold_back_refuses_an_empty_part(count):
    with pytest.raises(InputError, match=f"{count} images to hold back; accepted: 1 to 19"):
        hold_back(labelled(), count, seed=0)


def test_fingerprint_sees_every_part_and_the_shapes():
    splits = ImageSplits("mnist", labelled(20), labelled(10))
    reshaped = splits.train._replace(images=splits.train.images.reshape(20, 3, 4))
    relabelled = splits.test._replace(labels=splits.test.labels[::-1])
    prints = {
        fingerprint(changed)
        for changed in (
            splits,
            splits._replace(train=splits.test, test=splits.train),
            splits._replace(train=reshaped),
            splits._replace(test=relabelled),
        )
    }
    assert len(prints) == 4
    assert fingerprint(splits) == fingerprint(splits._replace(name="digits"))
    assert all(len(text) == 64 for text in prints)
