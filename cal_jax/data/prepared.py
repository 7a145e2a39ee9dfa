"""MNIST from a directory prepared by tensorflow-datasets, read without TensorFlow."""

from pathlib import Path

import numpy as np

from cal_jax.data.images import ImageSplits, LabelledImages, validate
from cal_jax.data.readers.prepared import read_prepared
from cal_jax.errors import InputError


def looks_prepared(directory: Path) -> bool:
    """Whether ``directory`` holds an MNIST prepared by tensorflow-datasets, of any version."""
    return any(directory.glob("mnist/*/dataset_info.json"))


def load_prepared(directory: Path) -> ImageSplits:
    """Read and decode the newest prepared MNIST in ``directory`` (``data_dir``).

    It does not download or prepare data.

    Returns:
        The published split; for the published files 60,000 and 10,000 images of 28 x 28.

    Raises:
        InputError: tensorflow-datasets is missing, or cannot read the directory: not
            prepared, another file format, damaged.
    """
    return ImageSplits("mnist", _read(directory, "train"), _read(directory, "test"))


def _read(directory: Path, split: str) -> LabelledImages:
    try:
        data = read_prepared(directory / "mnist", split, items="image", factors=("label",))
    except InputError as error:
        raise InputError(f"{directory}: {error}") from error
    digits = np.asarray(data.factors["label"], np.int32)
    images = LabelledImages(data.items[..., 0], digits)
    return validate(images, f"{directory} ({split})")
