"""Reader of directories prepared by tensorflow-datasets, without TensorFlow.

It must be in ``file_format="array_record"``, which can be read at random without TensorFlow.
Decoding takes some 70 microseconds a record of MNIST, so all records are decoded once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factor_table import listed
from cal_jax.data.readers.table import built
from cal_jax.errors import InputError

INFO = "dataset_info.json"

MAX_BYTES = 1 << 36
"""Of all items together."""


def prepared_versions(directory: Path) -> list[Path]:
    """Prepared versions in a directory up to two levels deep, newest last."""
    if (directory / INFO).is_file():
        return [directory]
    found = {path.parent for form in ("*", "*/*") for path in directory.glob(f"{form}/{INFO}")}
    return sorted(found, key=lambda path: (path.parent, _version(path.name)))


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in name.split("."))


def read_prepared(
    directory: Path,
    split: str = "train",
    *,
    items: str | None = None,
    factors: Sequence[str] | None = None,
) -> FactorDataset:
    """A split of a prepared data set, in the order of its records.

    Args:
        directory: a version (``.../mnist/3.0.1``), or a directory with versions of a
            single data set, of which the newest is read.
        split: in tensorflow-datasets' notation: "train", "test", "train[:10%]".
        items: the feature of the items; None: the only one that has dimensions.
        factors: features to keep as factors, in this order; None: all scalars and
            texts, in alphabetical order.
            Class labels become their names.

    Raises:
        InputError: tensorflow-datasets is missing or cannot read the directory (another
            file format, damaged, no such split); unusable features; items of
            several shapes; or see ``FactorDataset``. It names the directory.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(
            f"{directory}: prepared by tensorflow-datasets, which is missing; accepted: "
            "pip install 'cal-jax[data]'"
        ) from error
    version = _chosen(directory)
    try:
        builder = tfds.builder_from_directory(version)
        features, source = builder.info.features, builder.as_data_source(split)
        count = len(source)
    except Exception as error:  # tfds, protobuf, array_record and pillow share no base class
        raise _cannot_read(version, error) from error
    name, columns = _features(version, features, items, factors)
    if not count:
        raise InputError(f"{version}: no records in {split!r}; accepted: 1 or more")
    pixels, values = _decoded(version, source, count, name, columns)
    names = {
        column: features[column].names
        for column in columns
        if getattr(features[column], "names", None)
    }
    table = {column: _named(found, names.get(column)) for column, found in values.items()}
    return built(f"{version} ({split})", pixels, table, value_names=names)


def _chosen(directory: Path) -> Path:
    versions = prepared_versions(directory)
    if not versions or len({path.parent for path in versions}) > 1:
        found = f"{len(versions)} prepared versions ({listed([str(path) for path in versions])})"
        raise InputError(
            f"{directory}: {found if versions else f'no {INFO} in it'}; accepted: NAME/VERSION "
            "as tensorflow-datasets prepares it, or a directory with one such NAME"
        )
    return versions[-1]


def _features(
    version: Path, features: Any, items: str | None, factors: Sequence[str] | None
) -> tuple[str, list[str]]:
    """The feature of the items, and those of the factors."""
    if not hasattr(features, "keys"):
        raise InputError(f"{version}: features are {features}; accepted: named ones")
    shapes = {name: features[name].shape for name in sorted(features)}
    wide = [name for name, shape in shapes.items() if isinstance(shape, tuple) and shape]
    flat = [name for name, shape in shapes.items() if shape == ()]
    if items is not None and items not in wide:
        raise InputError(f"{version}: items {items!r}; accepted: {listed(wide)}")
    if items is None and len(wide) != 1:
        raise InputError(
            f"{version}: {len(wide)} features with dimensions ({listed(wide)}); "
            "accepted: one, or the name of the items"
        )
    for name in factors or ():
        if name not in flat:
            raise InputError(f"{version}: factor {name!r}; accepted: {listed(flat)}")
    return wide[0] if items is None else items, flat if factors is None else list(factors)


def _decoded(
    version: Path, source: Any, count: int, name: str, columns: Sequence[str]
) -> tuple[np.ndarray, dict[str, list[Any]]]:
    """Items [I, *X], and the records' values of each factor."""
    pixels: np.ndarray | None = None
    values: dict[str, list[Any]] = {column: [] for column in columns}
    for row in range(count):
        try:
            record: Mapping[str, Any] = source[row]
        except Exception as error:  # as above
            raise _cannot_read(version, error, f" record {row}") from error
        item = np.asarray(record[name])
        if pixels is None:
            if count * item.nbytes > MAX_BYTES:
                raise InputError(
                    f"{version}: {count} items of {item.nbytes} bytes; accepted: {MAX_BYTES} in all"
                )
            pixels = np.empty((count, *item.shape), item.dtype)
        if item.shape != pixels.shape[1:]:
            raise InputError(
                f"{version}: record {row}: {name} has shape {item.shape}; "
                f"accepted: {pixels.shape[1:]}, as in record 0"
            )
        pixels[row] = item
        for column in columns:
            values[column].append(record[column])
    assert pixels is not None
    return pixels, values


def _named(found: list[Any], names: Sequence[str] | None) -> np.ndarray:
    """A column of numbers or strings; a class label's numbers become its names."""
    if isinstance(found[0], bytes):
        return np.asarray([one.decode("utf-8", "replace") for one in found])
    column = np.asarray(found)
    if names is None:
        return column
    return np.asarray([names[one] if 0 <= one < len(names) else "" for one in found])


def _cannot_read(version: Path, error: Exception, where: str = "") -> InputError:
    lines = str(error).splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return InputError(
        f"{version}: tensorflow-datasets cannot read it{where} ({said}); accepted: NAME/VERSION "
        "prepared with file_format='array_record'"
    )
