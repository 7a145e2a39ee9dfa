import io
import sys

import pytest

from cal_jax.data.prepared import load_prepared, looks_prepared
from cal_jax.data.sources import load_images
from cal_jax.errors import InputError
from tests.data.idx_files import grey

SIZES = {"train": 30, "test": 20}
SHARD = "mnist/3.0.1/mnist-train.array_record-00000-of-00001"
INFO = "mnist/3.0.1/dataset_info.json"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A small MNIST, prepared by tensorflow-datasets itself without TensorFlow."""
    tfds = pytest.importorskip("tensorflow_datasets")
    from PIL import Image

    def examples(count):
        for row, pixels in enumerate(grey(count, 28, 28)):
            png = io.BytesIO()
            Image.fromarray(pixels).save(png, "png")
            png.seek(0)
            yield row, {"image": png, "label": row % 10}

    directory = tmp_path_factory.mktemp("prepared")
    tfds.disable_progress_bar()
    builder = tfds.builder("mnist", data_dir=directory, file_format="array_record")
    builder._split_generators = lambda _: {name: examples(n) for name, n in SIZES.items()}
    builder.download_and_prepare()
    return directory


@pytest.fixture
def broken(prepared, tmp_path):
    """A copy of the prepared directory, to be damaged."""
    for path in (prepared / "mnist" / "3.0.1").iterdir():
        copy = tmp_path / path.relative_to(prepared)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return tmp_path


def refused(directory, reason):
    with pytest.raises(InputError, match=f"{reason}.*; accepted: ") as caught:
        load_prepared(directory)
    assert str(caught.value).startswith(f"{directory}: ")
    assert "\n" not in str(caught.value)


def test_reads_what_was_prepared(prepared):
    assert looks_prepared(prepared)
    splits = load_prepared(prepared)
    assert splits.name == "mnist"
    for name, count in SIZES.items():
        split = getattr(splits, name)
        # tensorflow-datasets shuffles: compare as collections of (label, pixels).
        read = sorted((int(label), pixels.tobytes()) for pixels, label in zip(*split, strict=True))
        written = enumerate(grey(count, 28, 28))
        assert read == sorted((row % 10, pixels.tobytes()) for row, pixels in written)
        assert split.images.shape == (count, 28, 28)
    assert "tensorflow" not in sys.modules


def test_load_images_recognises_it(prepared):
    assert load_images(prepared, size=14).train.images.shape == (30, 14, 14)


def test_empty_directory_does_not_look_prepared(tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    assert not looks_prepared(tmp_path)


def test_damaged_record(broken):
    content = bytearray((broken / SHARD).read_bytes())
    content[3000:3010] = bytes(10)
    (broken / SHARD).write_bytes(content)
    refused(broken, "cannot read it .*Corrupted")


def test_truncated_shard(broken):
    (broken / SHARD).write_bytes((broken / SHARD).read_bytes()[:9000])
    refused(broken, "cannot read it")


def test_another_file_format(broken):
    (broken / INFO).write_text((broken / INFO).read_text().replace("array_record", "tfrecord"))
    refused(broken, "cannot read it .*TFRECORD")


def test_missing_split(broken):
    (broken / INFO).write_text((broken / INFO).read_text().replace('"train"', '"other"'))
    refused(broken, "cannot read it .*train")


def test_another_version_is_read_as_it_is_and_nothing_is_downloaded(broken, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    attempts = []
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lambda *_, **__: attempts.append(1)
    )
    (broken / "mnist" / "3.0.1").rename(broken / "mnist" / "1.0.0")
    assert len(load_prepared(broken).train.images) == SIZES["train"]
    (broken / SHARD.replace("3.0.1", "1.0.0")).unlink()
    refused(broken, "cannot read it")
    assert not attempts


def test_missing_tensorflow_datasets_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match=r"is missing; accepted: .*cal-jax\[data\]"):
        load_prepared(tmp_path)
