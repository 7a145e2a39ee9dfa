"""No fit sees an item to evaluate on: models, oracles, probes and nearest neighbours."""

import numpy as np

from cal_jax.data.rotation import rotated
from cal_jax.data.sources import load_for_evaluation
from experiments import (
    baselines,
    spatial_mnist,
    synthetic_sets,
    unsupervised,
    vae_mnist,
)
from tests.experiments import runs
from tests.experiments.poisoned import FIRST_TRAINED, OF_EACH, SIDE, is_poisoned


def test_the_marker_tells_the_splits_apart_turned_and_inverted(data):
    images = load_for_evaluation(data, size=SIDE)
    for split, poisoned in ((images.train, False), (images.evaluated, True)):
        turned = rotated(split.images)
        assert (is_poisoned(turned) == poisoned).all()
        assert (is_poisoned(255 - turned) == poisoned).all()
        assert ((split.labels < FIRST_TRAINED) == poisoned).all()


def test_choosing_on_held_back_images_sees_no_test_image(data):
    images = load_for_evaluation(data, size=SIDE, held_back=OF_EACH)
    for split in (images.train, images.evaluated):
        assert not is_poisoned(split.images).any()
    rows = [{image.tobytes() for image in split.images} for split in images[:2]]
    assert not rows[0] & rows[1]


def test_known_labels(known):
    known.record.assert_clean("model", "oracle", "probe")


def test_unsupervised(data, tmp_path, monkeypatch):
    runs.run_unsupervised(monkeypatch, unsupervised, data, tmp_path).assert_clean("model", "oracle")


def test_baselines(data, tmp_path, monkeypatch):
    runs.run_baselines(monkeypatch, baselines, data, tmp_path).assert_clean("model", "oracle")


def test_vae_mnist(data, tmp_path, monkeypatch):
    record = runs.run_vae_mnist(monkeypatch, vae_mnist, data, tmp_path)
    record.assert_clean("model", "neighbours")
    assert len(record.targets) == 3
    assert all((digits >= FIRST_TRAINED).all() for digits in record.targets)


def test_spatial_mnist(data, tmp_path, monkeypatch):
    record = runs.run_spatial_mnist(monkeypatch, spatial_mnist, data, tmp_path)
    record.assert_clean("model", "oracle", "neighbours")
    assert all((digits >= FIRST_TRAINED).all() for digits in record.targets)


def test_synthetic_sets(tmp_path, monkeypatch):
    record, judged = runs.run_synthetic_sets(monkeypatch, synthetic_sets, tmp_path)
    assert set(record.fits) == {"model", "neighbours"}
    record.assert_no_row_is_asked_back()
    (trained,) = record.images
    for sets in judged:
        assert not np.isin(sets.x, trained).any()
        continuous = [told for told in record.targets if told.dtype.kind == "f"]
        assert continuous and not any(np.isin(sets.mean, told).any() for told in continuous)
    assert all(np.isin(x, judged[0].x).all() for x in record.scored)
