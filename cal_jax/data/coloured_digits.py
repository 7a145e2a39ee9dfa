"""Digits in coloured ink on black paper: a data set of RGB images with two factors."""

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factors import VALUES
from cal_jax.data.images import LabelledImages

INKS = {
    "red": (230, 40, 40),
    "orange": (245, 145, 20),
    "yellow": (240, 225, 40),
    "green": (40, 190, 60),
    "blue": (50, 90, 240),
    "violet": (165, 60, 220),
    "pink": (250, 140, 190),
    "white": (245, 245, 245),
}
"""RGB levels of an ink by its name."""


def coloured_digits(images: LabelledImages, seed: int) -> FactorDataset:
    """Images, each written in an ink that is drawn uniformly and knows nothing of its digit.

    Args:
      images: grey, I of them.
      seed: of the inks.

    Returns:
      Items uint8 [I, H, W, 3], a pixel being its grey level's share of the ink, with the
      factors digit and ink.
    """
    inks = np.random.default_rng(seed).integers(len(INKS), size=len(images.labels))
    palette = np.asarray(list(INKS.values()), np.float32) / 255
    items = np.empty((*images.images.shape, 3), np.uint8)
    for ink, levels in enumerate(palette):
        rows = inks == ink
        items[rows] = np.rint(images.images[rows, ..., None] * levels[None, None, None])
    return FactorDataset(
        items,
        {"digit": images.labels, "ink": np.asarray(list(INKS))[inks]},
        value_names={"digit": VALUES["digit"], "ink": tuple(INKS)},
    )
