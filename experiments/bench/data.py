"""Data sets of the bench: their reader, their factors and which of these have an order."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from cal_jax.data.benchmarks import cars3d, dsprites, mpi3d, shapes3d, smallnorb
from cal_jax.data.drawn_sprites import drawn_sprites
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError

HELD_OUT = 0.1
"""Share of the combinations that are scored, and of the others that choose between configs."""


class BenchData(NamedTuple):
    """A data set of the bench."""

    read: Callable[[Path], FactorDataset]
    """From ``--data-dir``."""
    file: str | None
    """In it; None: it is the directory itself, or nothing is read."""
    factors: tuple[str, ...]
    """That sets share and metrics score: the contexts."""
    ordered: tuple[str, ...]
    """Those whose values have an order, for the MCC."""
    top: float
    """The greatest level of an item."""


DATA: Mapping[str, BenchData] = {
    "drawn_sprites": BenchData(
        lambda _: drawn_sprites(),
        None,
        ("shape", "scale", "orientation", "x", "y"),
        ("scale", "x", "y"),
        1.0,
    ),
    "dsprites": BenchData(
        dsprites.read_dsprites,
        dsprites.FILE,
        ("shape", "scale", "orientation", "x", "y"),
        ("scale", "x", "y"),
        1.0,
    ),
    "shapes3d": BenchData(
        shapes3d.read_shapes3d, shapes3d.FILE, shapes3d.FACTORS, ("scale", "orientation"), 255.0
    ),
    "mpi3d": BenchData(
        mpi3d.read_mpi3d,
        "mpi3d_toy.npz",
        tuple(mpi3d.SIZES),
        ("object_size", "camera_height", "horizontal_axis", "vertical_axis"),
        255.0,
    ),
    "cars3d": BenchData(
        cars3d.read_cars3d,
        "nips2015-analogy-data.tar.gz",
        ("elevation", "azimuth", "car"),
        ("elevation",),
        255.0,
    ),
    "smallnorb": BenchData(
        smallnorb.read_smallnorb,
        None,
        ("category", "elevation", "azimuth", "lighting"),
        ("elevation", "lighting"),
        255.0,
    ),
}


class Combinations(NamedTuple):
    """The combinations of a data set, divided at random."""

    train: FactorDataset
    validation: FactorDataset
    test: FactorDataset


def combinations_of(name: str, directory: Path | None) -> Combinations:
    """The divided combinations of a data set, items in [0, 1].

    Args:
      name: of ``DATA``.
      directory: with its file; None where nothing is read.

    Raises:
      InputError: no directory where one is needed, or whatever the reader refuses.
    """
    data = DATA[name]
    if name == "drawn_sprites":
        whole = data.read(Path())
    elif directory is None:
        raise InputError(f"--data-dir: none; accepted: a directory with the file of {name}")
    else:
        whole = data.read(directory if data.file is None else directory / data.file)
    return divided(in_unit_range(whole, data.top))


def in_unit_range(dataset: FactorDataset, top: float) -> FactorDataset:
    """The items as float32 in [0, 1], divided by ``top`` where they are shown."""
    if dataset.render is not None:
        return dataset
    return dataclasses.replace(
        dataset, render=lambda items, values, key: items.astype(jnp.float32) / top
    )


def divided(dataset: FactorDataset) -> Combinations:
    """Test, then validation of the others; the same for every seed."""
    others, test = dataset.split_by_item(HELD_OUT, seed=0)
    return Combinations(*others.split_by_item(HELD_OUT, seed=1), test)


def some_items(dataset: FactorDataset, count: int, seed: int) -> FactorDataset:
    """So many items, without replacement; all where there are fewer."""
    rows = np.random.default_rng(seed).permutation(dataset.num_items)[:count]
    return dataset.take(rows)
