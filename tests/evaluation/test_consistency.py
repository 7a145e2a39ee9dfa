"""Consistency and restrictiveness of readings and of a model whose answers are known."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.distributions import diagonal_gaussian
from cal_jax.evaluation import consistency as guarantees
from cal_jax.evaluation.consistency import (
    agreement_above_chance,
    guarantee_scores,
    resample_one,
)
from cal_jax.inference.sample import GeneratedSet

SETS, ITEMS = 300, 5


def readings(shares, seed=0):
    """int [S, N, 2]: factors of 4 values, constant in each set where ``shares`` says so."""
    drawn = np.random.default_rng(seed).integers(4, size=(SETS, ITEMS, 2))
    return np.where(shares, drawn[:, :1], drawn)


def test_what_never_differs_is_1_what_differs_as_in_other_sets_is_0():
    assert agreement_above_chance(readings((True, True))) == 1.0
    assert abs(agreement_above_chance(readings((False, False)))) < 0.03
    assert abs(agreement_above_chance(readings((True, False))) - 0.5) < 0.05
    assert agreement_above_chance(np.zeros((3, 4, 1), int)) == 0.0


def test_it_is_shu_s_score_of_one_hot_readings():
    """1 - the mean squared distance inside sets over that of items of different sets."""
    found = readings((True, False), seed=3)[:6]
    found[:, 0, 0] = 0
    one_hot = np.eye(4)[found].reshape(6, ITEMS, -1)
    squared = ((one_hot[:, :, None, None] - one_hot[None, None]) ** 2).sum(-1)  # [S, N, S, N]
    same_set = np.eye(6, dtype=bool)[:, None, :, None] & np.ones((ITEMS, 1, ITEMS), bool)
    same_item = np.eye(6 * ITEMS, dtype=bool).reshape(same_set.shape)
    inside, outside = squared[same_set & ~same_item].mean(), squared[~same_set].mean()
    np.testing.assert_allclose(agreement_above_chance(found), 1 - inside / outside)


def normal(mean):
    return diagonal_gaussian(mean, jnp.zeros(mean.shape))


def linear_model(noise=1e-6):
    """Items [5] = both contexts [2] and z, which leans on the contexts."""

    def likelihood(z, contexts):
        mean = jnp.concatenate([contexts.reshape(len(z), 4), z], axis=1)
        return diagonal_gaussian(mean, jnp.full(mean.shape, 2 * np.log(noise)))

    return SimpleNamespace(
        constant_prior=lambda a: normal(jnp.zeros((2, 2))),
        varying_prior=lambda constants, a: normal(jnp.zeros((2, 2))),
        latent_prior=lambda contexts: normal(10 * contexts[:, 0, :1]),
        likelihood=likelihood,
    )


def test_one_context_alone_is_drawn_anew_and_z_follows_it():
    a = jnp.array([0.0, 1.0])
    x = np.asarray(resample_one(jax.random.key(0), linear_model(), a, 6).means)
    assert np.ptp(x[:, 2:4], axis=0).max() == 0  # the shared context
    assert np.ptp(x[:, :2], axis=0).min() > 0.1
    np.testing.assert_allclose(np.ptp(x[:, 4] - 10 * x[:, 0]), 0, atol=1e-4)  # the same noise


def test_each_score_asks_for_its_own_sets_and_reads_its_own_factors(monkeypatch):
    """A model that obeys its digit context alone; rotation is noise."""
    asked = []

    def made(label, num_sets, items):
        asked.append(tuple(map(int, label)))
        drawn = np.random.default_rng(len(asked)).integers(4, size=(num_sets, items, 2))
        drawn[..., 0] = np.where(label[0], drawn[:, :1, 0], drawn[..., 0])
        return GeneratedSet(drawn, drawn)

    class Obeying:
        def __init__(self, model, variables, num_items):
            self.items = num_items

        def unconditional(self, key, a, num_sets):
            return made(a, num_sets, self.items)

    monkeypatch.setattr(guarantees, "Sampler", Obeying)
    monkeypatch.setattr(
        guarantees, "_compiled", lambda _: lambda _, keys, a: made(a[0], len(a), guarantees.ITEMS)
    )
    real = [readings(np.array(label) == 1) for label in ((1, 0), (0, 1))]
    scores = guarantee_scores(
        ("digit", "rotation"),
        None,
        None,
        jax.random.key(0),
        real,
        real[::-1],
        lambda x: x,
        num_sets=100,
        set_size=ITEMS,
    )
    assert asked == [(1, 0), (0, 1), (0, 1), (1, 0)]
    values = {name: score.value for name, score in scores.items()}
    assert values["consistency_digit"] == 1 and values["restrictiveness_rotation"] == 1
    assert abs(values["consistency_rotation"]) < 0.1 and abs(values["restrictiveness_digit"]) < 0.1
    assert {score.ceiling for score in scores.values()} == {1.0}
    assert set(values) == {
        f"{what}_{factor}{suffix}"
        for what in ("consistency", "restrictiveness")
        for factor in ("digit", "rotation")
        for suffix in ("", "_means")
    }
