"""MNIST from a directory that tensorflow-datasets prepared, read without TensorFlow.

The directory holds ``mnist/<version>/`` in ``file_format="array_record"``, which
can be read at random without TensorFlow; decoding takes some 70 microseconds a
record, so it is done once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cal_jax.data.images import ImageSplits, LabelledImages, validate
from cal_jax.errors import InputError


def looks_prepared(directory: Path) -> bool:
    """Whether ``directory`` holds an MNIST that tensorflow-datasets prepared, in any version."""
    return any(directory.glob("mnist/*/dataset_info.json"))


def load_prepared(directory: Path) -> ImageSplits:
    """Read and decode the prepared MNIST in ``directory`` (tensorflow-datasets' ``data_dir``).

    Nothing is downloaded or prepared.

    Returns:
        The published split; for the published files 60,000 and 10,000 images of 28 x 28.

    Raises:
        InputError: tensorflow-datasets is missing, or cannot read the directory: not
            prepared, another version or file format, damaged.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(
            f"{directory}: prepared by tensorflow-datasets, which is missing; accepted: "
            "pip install 'cal-jax[data]', or a directory with MNIST's four IDX files"
        ) from error
    try:
        # By default data_source would download what it does not find.
        sources = tfds.data_source("mnist", data_dir=directory, download=False)
        train, test = _decode(sources["train"]), _decode(sources["test"])
    except Exception as error:  # tfds, protobuf, array_record and pillow share no base class
        raise InputError(
            f"{directory}: tensorflow-datasets cannot read it ({_one_line(error)}); "
            "accepted: mnist/<version> prepared with file_format='array_record'"
        ) from error
    return ImageSplits(
        "mnist",
        validate(train, f"{directory} (train)"),
        validate(test, f"{directory} (test)"),
    )


def _decode(records: Sequence[dict[str, Any]]) -> LabelledImages:
    decoded = [records[row] for row in range(len(records))]
    return LabelledImages(
        np.stack([record["image"][..., 0] for record in decoded]),
        np.asarray([record["label"] for record in decoded], np.int32),
    )


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
