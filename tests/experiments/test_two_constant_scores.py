"""Scores of sets with two of three factors constant, of images that carry their labels."""

import jax
import numpy as np
import pytest

from cal_jax.evaluation.generation_scores import RealSets
from cal_jax.inference.sample import GeneratedSet
from experiments.three_contexts.scores import two_constant_scores

NAMES = ("digit", "rotation", "background")
LABELS = ((1, 1, 0), (1, 0, 1), (0, 1, 1))
SETS = 300


def values_of(label, seed, count=SETS):
    values = np.random.default_rng(seed).integers((10, 8, 2), size=(count, 6, 3))
    return np.where(np.array(label) == 1, values[:, :1], values)


def image(labels):
    return labels[..., None, :].astype(np.float32)


def read(x):
    return x[..., 0, :].astype(int)


class Model:
    """Generates sets of other labels than it is asked for: ``heard``, by the one asked for."""

    def __init__(self, heard=()):
        self.heard = dict(heard)

    def unconditional(self, key, a, count):
        label = tuple(int(entry) for entry in a)
        seed = int(jax.random.randint(key, (), 0, 1000))
        made = image(values_of(self.heard.get(label, label), seed, count))
        return GeneratedSet(made, made[:, :1].repeat(6, axis=1))


REAL = {
    label: RealSets(image(values), values)
    for label, values in ((label, values_of(label, seed)) for seed, label in enumerate(LABELS))
}


def scores_of(model):
    return two_constant_scores(NAMES, model, jax.random.key(0), REAL, read)


def test_a_perfect_model_reaches_the_ceilings():
    scores = scores_of(Model())
    assert len(scores) == 12
    for name in NAMES:
        agreed, varied = scores[f"two_constant_{name}"], scores[f"two_constant_diversity_{name}"]
        assert agreed.value == agreed.ceiling == 1 and agreed.unit == "fraction"
        assert varied.value == pytest.approx(1, abs=0.06) and varied.ceiling == 1
        assert scores[f"two_constant_diversity_{name}_means"].value == 0


def test_each_fault_shows_in_the_scores_of_its_factor():
    scores = scores_of(Model({(1, 1, 0): (0, 1, 0)}))
    assert scores["two_constant_digit"].value < 0.75
    assert scores["two_constant_rotation"].value == scores["two_constant_background"].value == 1
    scores = scores_of(Model({(0, 1, 1): (1, 1, 1)}))
    assert scores["two_constant_diversity_digit"].value == 0
    assert scores["two_constant_diversity_rotation"].value > 0.9
