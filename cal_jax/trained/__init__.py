"""Trained weights and source images shipped with the package.

``rotated.safetensors`` is the model of ``experiments.rotated --preset cpu --seed 0``, as
float16. ``digits.npz`` has the first 20 test images of each digit of MNIST (LeCun, Cortes
& Burges; CC BY-SA 3.0), which that model has not seen.

``typefaces.safetensors`` is the model of ``experiments.typefaces --preset demo --seed 0``, as
float16, of capitals as levels from 0 to 1: docs/models/typefaces_card.md.
"""

from pathlib import Path

import numpy as np

from cal_jax.data.images import LabelledImages, resize, validate
from cal_jax.errors import InputError
from cal_jax.inference.trained import TrainedLearner

WEIGHTS = Path(__file__).parent / "rotated.safetensors"
"""Of rotated digits; contexts digit and rotation."""
TYPEFACES = Path(__file__).parent / "typefaces.safetensors"
"""Of glyphs [32, 32]; contexts letter and typeface."""
_IMAGES = Path(__file__).parent / "digits.npz"


def digits_binarisation(trained: TrainedLearner) -> str:
    """The binarisation of the images of digits that a model was trained on.

    Raises:
      InputError: it was trained on other items.
    """
    known = set(trained.names) <= {"digit", "rotation", "background"}
    if not known or trained.binarisation is None or len(trained.model.event_shape) != 2:
        raise InputError(
            f"weights of contexts {', '.join(trained.names)} and items "
            f"{trained.model.event_shape}; accepted: of binary images of digits, whose contexts "
            "are digit, rotation or background"
        )
    return trained.binarisation


def source_images(size: int) -> LabelledImages:
    """The 200 images, uint8 [200, size, size]."""
    with np.load(_IMAGES, allow_pickle=False) as arrays:
        labels = arrays["labels"].astype(np.int32)
        images = validate(LabelledImages(arrays["images"], labels), _IMAGES.name)
    return images._replace(images=resize(images.images, size))
