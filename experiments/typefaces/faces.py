"""The faces of a run: embedded, of a folder of fonts, or of an archive of rendered ones."""

import hashlib
from pathlib import Path

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.glyphs.archive import load_glyphs
from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.read import read_fonts
from cal_jax.data.glyphs.splits import Split

ARCHIVE = "glyphs.npz"
"""Rendered faces in a directory, which are taken instead of its fonts."""


def faces_of(directory: Path | None) -> tuple[Glyphs, str]:
    """The faces, and what they are called in a run's folder and record.

    Args:
      directory: with ``glyphs.npz`` or fonts; None: the embedded faces.

    Raises:
      InputError: see ``load_glyphs`` and ``read_fonts``.
    """
    if directory is None:
        return embedded(), "embedded"
    archive = directory / ARCHIVE
    return (load_glyphs(archive) if archive.exists() else read_fonts(directory)), "fonts"


def fingerprint(split: Split) -> str:
    """SHA-256 (hex) of the images, letters and names of all parts."""
    total = hashlib.sha256()
    for part in split:
        total.update(f"{part.letters} {part.items.shape} {part.faces}".encode())
        total.update(np.ascontiguousarray(part.items).tobytes())
    return total.hexdigest()


def levels(glyphs: Glyphs) -> np.ndarray:
    """The letters of faces as grey levels 0 to 1, float32 [F, L, S, S]."""
    return glyphs.items.astype(np.float32) / 255


def training_items(glyphs: Glyphs) -> FactorDataset:
    """Every letter of every face as an item with levels 0 to 1."""
    named = glyphs.dataset()
    return FactorDataset(
        levels(glyphs).reshape(-1, *glyphs.items.shape[2:]),
        named.factors,
        value_names=named.value_names,
    )
