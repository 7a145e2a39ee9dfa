"""The 8 x 8 handwritten digits embedded in scikit-learn."""

import numpy as np

from cal_jax.data.images import ImageSplits, LabelledImages, validate
from cal_jax.errors import InputError

TEST_IMAGES = 400
SPLIT_SEED = 0
WHITE = 16
"""Grey levels in scikit-learn's arrays run from 0 to 16."""


def load_digits() -> ImageSplits:
    """Return the 1,797 embedded digits (Alpaydin & Kaynak 1998) in a fixed stratified split.

    Returns:
        1,397 training and 400 test images of 8 x 8, always the same ones,
        stratified by digit.

    Raises:
        InputError: scikit-learn is missing.
    """
    try:
        from sklearn import datasets, model_selection
    except ImportError as error:
        raise InputError(
            "the embedded digits need scikit-learn; accepted: pip install 'cal-jax[experiments]', "
            "or --data-dir with MNIST"
        ) from error
    bunch = datasets.load_digits()
    grey = np.rint(bunch.images * (255 / WHITE)).astype(np.uint8)
    labels = bunch.target.astype(np.int32)
    train, test = model_selection.train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=SPLIT_SEED
    )
    return ImageSplits(
        "digits",
        validate(LabelledImages(grey[train], labels[train]), "digits (train)"),
        validate(LabelledImages(grey[test], labels[test]), "digits (test)"),
    )
