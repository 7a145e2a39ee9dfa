"""Scores of seen and held-out pairs, of images that carry their own labels: no oracle needed."""

import functools

import jax
import numpy as np
import pytest

from cal_jax.data.held_out import held_out_pairs
from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.inference.sample import GeneratedSet
from cal_jax.metrics.merged import readings_of_rotated_digits
from experiments.held_out_pairs.scores import held_out_scores, source_rows

SETS, ITEMS = 200, 4
HELD_OUT = held_out_pairs(0.2, 0)


def read(x):
    return x[..., 0, :].astype(int)


def image(labels):
    """Images [..., 1, 2] that hold their labels."""
    return labels[..., None, :].astype(np.float32)


def sets_of(constant, seed):
    labels = np.random.default_rng(seed).integers((10, 8), size=(SETS, ITEMS, 2))
    labels = np.where(constant, labels[:, :1], labels)
    return RealSets(image(labels), labels)


def of_pairs(pairs):
    labels = np.repeat(pairs[:, None], ITEMS, axis=1)
    return RealSets(image(labels), labels)


REAL = Real(
    (sets_of((True, False), 0), sets_of((False, True), 1)),
    of_pairs(np.argwhere(~HELD_OUT)),
    sets_of((False, False), 2),
)


class Model:
    """Puts two sources together, and spoils what ``spoil`` says of pairs [M, 2]."""

    def __init__(self, spoil):
        self.spoil, self.asked, self.keys = spoil, [], []

    def synthesise(self, key, x, labels):
        np.testing.assert_array_equal(labels, np.eye(2))
        pairs = np.stack([x[:, 0, 0, 0, 0], x[:, 1, 0, 0, 1]], axis=-1).astype(int)
        self.asked.append(pairs)
        self.keys.append(jax.random.key_data(key).tolist())
        made = np.where(self.spoil(pairs)[:, None], (pairs + 1) % 8, pairs)
        made = np.repeat(made[:, None], ITEMS, axis=1)
        return GeneratedSet(image(made), image(made * 0))


def scores_of(model):
    merge = functools.partial(readings_of_rotated_digits, names=("digit", "rotation"))
    unseen, rng = of_pairs(np.argwhere(HELD_OUT)), np.random.default_rng(0)
    key = jax.random.key(0)
    return held_out_scores(model, key, rng, REAL, unseen, HELD_OUT, read, merge)


def is_held_out(pairs):
    return HELD_OUT[pairs[:, 0], pairs[:, 1]]


def test_each_kind_of_pair_is_scored_apart():
    model = Model(is_held_out)
    scores = scores_of(model)
    assert set(scores) == {
        f"synthesis_{kind}{merged}{means}"
        for kind in ("seen", "held_out")
        for merged in ("", "_merged")
        for means in ("", "_means")
    }
    seen, held_out = model.asked
    assert len(seen) == len(held_out) == SETS
    assert not is_held_out(seen).any() and is_held_out(held_out).all()
    assert scores["synthesis_seen"].value == 1 and scores["synthesis_held_out"].value == 0
    assert {score.ceiling for score in scores.values()} == {1.0}
    assert scores["synthesis_seen_means"].value < 0.1
    assert model.keys[0] != model.keys[1]
    other = scores_of(Model(lambda pairs: ~is_held_out(pairs)))
    assert other["synthesis_seen"].value == 0 and other["synthesis_held_out"].value == 1


def test_what_looks_the_same_is_right_in_the_merged_score_alone():
    model = Model(lambda pairs: np.zeros(len(pairs), bool))
    turn = model.synthesise

    def upside_down(key, x, labels):
        labels = read(turn(key, x, labels).samples)
        twins = readings_of_rotated_digits(labels, ("digit", "rotation"))[..., 1, :]
        return GeneratedSet(image(twins), image(twins))

    model.synthesise = upside_down
    scores = scores_of(model)
    assert scores["synthesis_held_out"].value < 0.9 < scores["synthesis_held_out_merged"].value == 1


def test_sources_are_uniform_among_those_that_fit():
    digits, rotations = np.array([3, 3, 5, 7]), np.array([0, 1, 1])
    wanted = np.zeros((10, 8), bool)
    wanted[[3, 5, 5], [1, 0, 1]] = True
    first, second = source_rows(np.random.default_rng(0), digits, rotations, wanted, 7000)
    assert wanted[digits[first], rotations[second]].all()
    found, counts = np.unique(np.stack([first, second]), axis=1, return_counts=True)
    assert found.T.tolist() == [[0, 1], [0, 2], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]
    np.testing.assert_allclose(counts, 1000, atol=4.5 * np.sqrt(1000))


def test_no_two_sources_fit():
    with pytest.raises(InputError, match="test_sets: no two test sets make a wanted pair"):
        source_rows(np.random.default_rng(0), np.array([1]), np.array([1]), HELD_OUT, 5)
