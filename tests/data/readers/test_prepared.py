"""Data sets that tensorflow-datasets itself prepares here, without TensorFlow."""

import io
import json
import shutil
import sys

import numpy as np
import pytest

from cal_jax.data.readers import read
from cal_jax.data.readers.prepared import prepared_versions, read_prepared
from cal_jax.errors import InputError

SIZES = {"train": 7, "test": 3}
PIXELS = np.random.default_rng(0).integers(256, size=(7, 5, 4, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Images, a class label, a text, an integer, a flag, a vector; and one odd image in test."""
    tfds = pytest.importorskip("tensorflow_datasets")
    from PIL import Image

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.2.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(names=["dog", "cat"]),
                "who": tfds.features.Text(),
                "n": np.int64,
                "ok": np.bool_,
                "v": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, _):
            return {name: self._generate_examples(n) for name, n in SIZES.items()}

        def _generate_examples(self, count):
            for row in range(count):
                png = io.BytesIO()
                pixels = PIXELS[row] if count == 7 or row else PIXELS[row, :3]
                Image.fromarray(pixels).save(png, "png")
                png.seek(0)
                yield (
                    row,
                    {
                        "image": png,
                        "label": row % 2,
                        "who": f"wé{row % 3}",
                        "n": row * 5,
                        "ok": row < 2,
                        "v": np.full(4, row, np.float32),
                    },
                )

    directory = tmp_path_factory.mktemp("prepared")
    tfds.disable_progress_bar()
    Tiny(data_dir=directory, file_format="array_record").download_and_prepare()
    return directory


def test_images_with_every_kind_of_factor(prepared):
    for data in (
        read_prepared(prepared, items="image"),
        read_prepared(prepared / "tiny", items="image"),
        read(prepared / "tiny" / "1.2.0", items="image", split="train"),
    ):
        assert data.items.dtype == np.uint8 and data.event_shape == (5, 4, 3)
        assert data.names == ("label", "n", "ok", "who")
        assert data.value_names["label"] == ("dog", "cat")
        assert data.value_names["who"] == ("wé0", "wé1", "wé2")
        assert data.value_names["ok"] == ("False", "True")
        rows = np.asarray(data.factors["n"]) // 5
        np.testing.assert_array_equal(data.items, PIXELS[rows])
        np.testing.assert_array_equal(data.columns(["label"])[:, 0], rows % 2)
        np.testing.assert_array_equal(data.columns(["who"])[:, 0], rows % 3)
        np.testing.assert_array_equal(data.columns(["ok"])[:, 0], rows < 2)
    assert "tensorflow" not in sys.modules


def test_vectors_and_chosen_factors(prepared):
    data = read_prepared(prepared, items="v", factors=("n", "label"), split="train[:4]")
    assert data.names == ("n", "label")
    assert data.items.shape == (4, 4) and data.items.dtype == np.float32
    np.testing.assert_array_equal(data.items[:, 0] * 5, data.factors["n"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, r"2 features with dimensions \(image, v\); accepted: one, or the name of the items"),
        ({"items": "label"}, "items 'label'; accepted: image, v"),
        ({"items": "v", "factors": ("image",)}, "factor 'image'; accepted: label"),
        ({"items": "v", "factors": ()}, "factors: none; accepted"),
        ({"items": "v", "split": "valid"}, "cannot read it .*valid.*; accepted: NAME/VERSION"),
        (
            {"items": "image", "split": "test"},
            r"record .: image has shape .*; accepted: .*record 0",
        ),
    ],
)
def test_what_is_refused(prepared, options, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read_prepared(prepared, **options)
    assert str(caught.value).startswith(str(prepared / "tiny" / "1.2.0"))
    assert "\n" not in str(caught.value)


def test_damage(prepared, tmp_path):
    copy = tmp_path / "tiny" / "1.2.0"
    shutil.copytree(prepared / "tiny" / "1.2.0", copy)
    shard = next(copy.glob("*train*"))
    content = bytearray(shard.read_bytes())
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cannot read it .*; accepted"):
        read_prepared(tmp_path, items="v")
    content[300:340] = bytes(40)
    shard.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read it .*; accepted"):
        read_prepared(tmp_path, items="v")
    (copy / "features.json").write_text(json.dumps({"nothing": 1}))
    with pytest.raises(InputError, match=r"1.2.0: .*; accepted"):
        read_prepared(tmp_path, items="v")


def test_the_newest_of_several_versions(tmp_path):
    for version in ("1.9.0", "1.10.0", "0.1.0"):
        (tmp_path / "tiny" / version).mkdir(parents=True)
        (tmp_path / "tiny" / version / "dataset_info.json").write_text("{}")
    assert [path.name for path in prepared_versions(tmp_path)] == ["0.1.0", "1.9.0", "1.10.0"]
    (tmp_path / "other" / "1.0.0").mkdir(parents=True)
    (tmp_path / "other" / "1.0.0" / "dataset_info.json").write_text("{}")
    with pytest.raises(InputError, match=r"4 prepared versions .*; accepted: NAME/VERSION"):
        read_prepared(tmp_path)
    with pytest.raises(InputError, match=r"no dataset_info.json in it; accepted: NAME/VERSION"):
        read_prepared(tmp_path / "none")


def test_too_many_bytes_are_not_allocated(prepared, monkeypatch):
    monkeypatch.setattr("cal_jax.data.readers.prepared.MAX_BYTES", 100)
    with pytest.raises(InputError, match="7 items of 16 bytes; accepted: 100 in all"):
        read_prepared(prepared, items="v")


def test_missing_tensorflow_datasets_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match=r"is missing; accepted: .*cal-jax\[data\]"):
        read_prepared(tmp_path)
