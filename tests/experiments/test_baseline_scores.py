"""Scores of sets whose labels can be read off a pixel, and bounds of groups and of items."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.inference.sample import GeneratedSet
from experiments.baselines import scores as baseline_scores
from experiments.baselines.scores import (
    Conditioned,
    bound_by_label,
    conditioned_scores,
    group_log_evidences,
)

NAMES = ("digit", "rotation")
SETS, ITEMS, VALUES = 6, 4, 5


def sets_of(*constant, seed):
    factors = np.random.default_rng(seed).integers(VALUES, size=(SETS, ITEMS, 2))
    for k in constant:
        factors[..., k] = factors[:, :1, k]
    return RealSets(factors[..., None, :].astype(np.float32), factors)


def read(images):
    """The labels are the two pixels of an image."""
    return np.asarray(images, int)[..., 0, :]


def test_perfect_sets_score_1_and_a_synthesis_of_the_wrong_source_does_not():
    digit, rotation = sets_of(0, seed=0), sets_of(1, seed=1)
    real = Real((digit, rotation), sets_of(0, 1, seed=2), sets_of(seed=3))
    wanted = np.stack([digit.factors[..., 0], rotation.factors[..., 1]], axis=-1)
    both = GeneratedSet(wanted[..., None, :], wanted[:, :, None, ::-1])
    given = tuple(GeneratedSet(sets.x, sets.x) for sets in real.one_constant)
    scores = conditioned_scores(NAMES, Conditioned(given, both), real, read)
    for name in ("conditional_digit", "diversity_rotation", "synthesis_joint"):
        assert scores[name].value == scores[name].ceiling == pytest.approx(1)
    assert scores["synthesis_joint_means"].value < 0.5
    without = conditioned_scores(NAMES, Conditioned(given, None), real, read)
    assert set(scores) - set(without) == {"synthesis_joint", "synthesis_joint_means"}


def test_a_set_that_is_no_group_is_bounded_item_by_item(monkeypatch):
    """The bound stands in for a mean over items, so every item has the same weight."""

    class Terms(NamedTuple):
        elbo: float
        items_in_a_set: float

    def bound(objective, model, variables, key, x, *, items):
        assert x.shape[1:] == (items, 8, 8)
        return Terms(x.mean(), items)

    monkeypatch.setattr(baseline_scores, "bound_per_item", bound)
    x = np.random.default_rng(0).random((4, 3, 8, 8))
    for is_group, items in (([1, 0, 0, 0], 1.5), ([1, 1, 1, 1], 3), ([0, 0, 0, 0], 1)):
        terms = bound_by_label(None, None, None, None, x, np.array(is_group, bool))
        assert terms == pytest.approx(Terms(x.mean(), items))


def test_the_evidence_of_an_unknown_label_sums_over_both_readings(monkeypatch):
    monkeypatch.setattr(
        baseline_scores,
        "set_log_likelihoods",
        lambda *_, layers, batch=1: np.full(len(_[3]), -10.0 if _[3].shape[1] > 1 else -3.0),
    )
    x = np.zeros((2, 3, 8, 8))
    found = group_log_evidences(None, None, jax.random.key(0), x, 0.25)
    np.testing.assert_allclose(found, np.log(0.25 * np.exp(-10) + 0.75 * np.exp(-9)), rtol=1e-6)
    np.testing.assert_array_equal(group_log_evidences(None, None, jax.random.key(0), x, 1.0), -10)
