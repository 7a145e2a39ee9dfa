"""MNIST from its four published IDX files."""

from pathlib import Path

import numpy as np

from cal_jax.data.idx import read_idx
from cal_jax.data.images import ImageSplits, LabelledImages, validate
from cal_jax.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
FOLDERS = (".", "MNIST/raw", "raw")
"""Subdirectories that may hold the files; the last two are torchvision's."""

SUFFIXES = (".gz", "")
"""The gzipped file takes precedence for its checksum."""


def load_mnist(directory: Path) -> ImageSplits:
    """Read MNIST's four files from the first of ``FOLDERS`` that holds any of them.

    The content of the files is checked, not a digest, so they may be recompressed.

    Returns:
        The published split; for the published files 60,000 and 10,000 images of 28 x 28.

    Raises:
        InputError: a file is missing or cannot be used (see ``read_idx`` and
            ``validate``), or training and test images differ in size.
    """
    paths = _find(directory)
    train, test = _load_pair(*paths[:2]), _load_pair(*paths[2:])
    if train.images.shape[1:] != test.images.shape[1:]:
        raise InputError(
            f"{paths[2]}: images of {_size(test)}; accepted: {_size(train)}, as in {paths[0]}"
        )
    return ImageSplits("mnist", train, test)


def _find(directory: Path) -> list[Path]:
    """Return the paths of ``FILES``, all from one folder."""
    for folder in FOLDERS:
        found = {
            name: directory / folder / (name + suffix)
            for suffix in reversed(SUFFIXES)
            for name in FILES
            if (directory / folder / (name + suffix)).is_file()
        }
        if found:
            break
    missing = [name for name in FILES if name not in found]
    if missing:
        raise InputError(
            f"{directory}: no {missing[0]}; accepted: {', '.join(FILES)}, each with or without "
            f".gz, in the directory itself, in {' or in '.join(FOLDERS[1:])}"
        )
    return [found[name] for name in FILES]


def _load_pair(images: Path, labels: Path) -> LabelledImages:
    pair = LabelledImages(
        read_idx(images, expected_dims=3), read_idx(labels, expected_dims=1).astype(np.int32)
    )
    return validate(pair, str(labels))


def _size(split: LabelledImages) -> str:
    return " x ".join(map(str, split.images.shape[1:]))
