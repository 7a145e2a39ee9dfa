"""Images whose evaluation split is poisoned, and a record of what every fit is given.

Evaluation images show the digits 0 to 4 in much ink, training images 5 to 9 in little:
pixels and labels both say which split an item is of. Neither a turn nor a white background
hides it.
"""

import gzip
import importlib

import jax
import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier

from cal_jax.data.mnist import FILES
from cal_jax.evaluation.oracle import cache
from cal_jax.evaluation.oracle.train import Oracle
from cal_jax.training.config import Trained
from tests.data.idx_files import idx_bytes

SIDE = 8
OF_EACH = 12
"""Images of each digit."""
FIRST_TRAINED = 5
"""Of the digits: those below it are shown by evaluation images alone."""


def write_images(folder):
    """MNIST's four files, with a marker in every image and in every label to evaluate on."""
    rng = np.random.default_rng(0)
    across = np.arange(SIDE) - (SIDE - 1) / 2
    disc = across[:, None] ** 2 + across[None] ** 2 < 11
    lit = rng.random((2, 5 * OF_EACH, SIDE, SIDE)) < np.stack([0.03 * disc, 0.85 * disc])[:, None]
    train, test = lit * rng.integers(230, 256, size=lit.shape)
    train[:, 3, 3] = 255 - np.arange(len(train))  # none is blank, and no two are alike
    digits = np.arange(5 * OF_EACH) % 5
    arrays = (train, digits + FIRST_TRAINED, test, digits)
    folder.mkdir()
    for name, array in zip(FILES, arrays, strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def is_poisoned(images):
    """Which images [..., H, W], grey or binary, turned or inverted, are of the evaluation split."""
    lit = np.asarray(images, np.float32)
    lit = (lit > (127 if lit.max() > 1 else 0.5)).mean(axis=(-2, -1))
    return np.minimum(lit, 1 - lit) > 0.18


def items_of(data):
    """Of what a step draws from: images [..., H, W], or sets of numbers [M, N, 1]."""
    (items,) = (leaf for leaf in jax.tree.leaves(data) if leaf.dtype != np.int32 and leaf.ndim > 2)
    return items


class Record:
    """What the fits of a run are given, what they are asked about, and what is scored."""

    def __init__(self):
        self.fits = []
        """Names, in the order of the fits."""
        self.images = []
        """[..., H, W] that anything is fitted on."""
        self.digits = []
        """int [...], their labels."""
        self.rows = []
        """Pairs of features [R, C] that are fitted, and those that are then asked about."""
        self.targets = []
        """[R]: what the nearest neighbours of ``rows`` tell."""
        self.scored = []
        """[..., H, W] that is scored."""
        self.found = []
        """What is published."""

    def fit(self, name, images=None, digits=None):
        self.fits.append(name)
        if images is not None:
            self.images.append(np.asarray(images))
        if digits is not None:
            self.digits.append(np.asarray(digits))

    def assert_clean(self, *fits):
        """These fits took place, and saw no evaluation item; what is scored is nothing else."""
        assert set(self.fits) == set(fits)
        assert self.images and not any(is_poisoned(images).any() for images in self.images)
        assert all((digits >= FIRST_TRAINED).all() for digits in self.digits)
        assert self.scored and all(is_poisoned(images).all() for images in self.scored)
        self.assert_no_row_is_asked_back()

    def assert_no_row_is_asked_back(self):
        """Of a context that inverts there are two rows in all: it says yes or no."""
        assert self.rows or "probe" not in self.fits
        for fitted, asked in self.rows:
            if len(np.unique(asked, axis=0)) == 2:
                continue
            assert not {row.tobytes() for row in fitted} & {row.tobytes() for row in asked}


def spy_on_fits(patch, record):
    """Record whatever is fitted. Models and oracles stay untrained: what they are given counts."""

    def untrained(runs, config, **_):
        del config
        found = []
        for run in runs:
            record.fit("model", items_of(run.task.data))
            variables = {"batch_stats": {}, **jax.device_get(run.task.init())}
            found.append(Trained(0, variables, variables, 0.0, None, []))
            run.folder.append_metrics({"step": 1, "confusion": np.eye(2)})
        return found

    def untrained_oracle(draw_batch, data, factors, image_size, config, **_):
        drawn, values = draw_batch(jax.random.key(0), jax.device_put(data))
        record.fit("oracle", drawn, values[:, 0])
        record.fit("oracle", *data)
        return Oracle({"params": {}}, tuple(factors), tuple(factors.values()), image_size, config)

    # ``fit`` itself runs, up to the first step.
    patch.setattr(importlib.import_module("cal_jax.training.fit"), "train", untrained)
    patch.setattr(cache, "train_oracle", untrained_oracle)
    for kind, name in (
        (KNeighborsClassifier, "neighbours"),
        (KNeighborsRegressor, "neighbours"),
        (MLPClassifier, "probe"),
    ):
        _spy_on_features(patch, record, kind, name)


def _spy_on_features(patch, record, kind, name):
    fit, asking = kind.fit, ("predict", "predict_proba")

    def recorded_fit(self, rows, targets):
        record.fit(name)
        if name == "neighbours":
            record.targets.append(np.asarray(targets))
        else:
            self.max_iter = 1
        self.fitted_rows = np.asarray(rows)
        return fit(self, rows, targets)

    def recorded(asked):
        def ask(self, rows):
            record.rows.append((self.fitted_rows, np.asarray(rows)))
            return asked(self, rows)

        return ask

    for ask in asking:
        if hasattr(kind, ask):
            patch.setattr(kind, ask, recorded(getattr(kind, ask)))
    patch.setattr(kind, "fit", recorded_fit)
