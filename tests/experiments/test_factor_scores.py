"""Scores of a study of any ``FactorDataset``: what they are fitted on, and what they find."""

import jax
import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.trained import TrainedLearner, untrained
from cal_jax.models.context_aware.learner import ContextAwareLearner
from experiments.common import factor_scores
from experiments.common.factor_scores import (
    Synthesis,
    divided,
    fitted_reader,
    informativeness_scores,
    synthesis_scores,
    synthesise,
)
from experiments.common.factor_study import Splits

NAMES = ("row", "column")


def plane(rows, columns=3, each=4, *, seed=0, noise=0.1):
    """Items [I, 2] beside the place (10 row, 10 column) that their factors name."""
    values = np.stack(np.meshgrid(rows, range(columns), range(each)), -1).reshape(-1, 3)[:, :2]
    rng = np.random.default_rng(seed)
    x = 10.0 * values + noise * rng.normal(size=values.shape)
    return FactorDataset(
        x.astype(np.float32),
        dict(zip(NAMES, values.T, strict=True)),
        value_names={"row": range(4), "column": range(3)},
    )


def test_items_are_told_only_where_test_has_values_that_training_lacks():
    train, test = plane([0, 1, 2]), plane([0, 1], seed=1)
    parts = divided(train, test, NAMES)
    assert parts.told is None and parts.scored is test
    unknown = divided(train, plane([2, 3], each=5, seed=1), NAMES)
    assert unknown.told.num_items == 6 * 2 and unknown.scored.num_items == 6 * 3
    together = np.concatenate([unknown.told.items, unknown.scored.items])
    assert len(np.unique(together, axis=0)) == 30
    for part, each in ((unknown.told, 2), (unknown.scored, 3)):
        _, counts = np.unique(part.columns(NAMES), axis=0, return_counts=True)
        assert counts.tolist() == [each] * 6


def test_data_sets_that_do_not_fit_together_are_refused():
    train = plane([0, 1])
    with pytest.raises(InputError, match="factor 'row': other value names"):
        divided(train, FactorDataset(train.items, {k: train.factors[k] for k in NAMES}), NAMES)
    with pytest.raises(InputError, match="factor 'vowel'"):
        divided(train, train, ("vowel",))
    turned = FactorDataset(
        train.items,
        {"row": train.factors["row"]},
        rendered={"column": ("a", "b", "c")},
        render=lambda x, *_: x,
    )
    with pytest.raises(InputError, match="rendered factors"):
        divided(turned, turned, ("row",))


def test_the_reader_names_the_factors_of_values_that_were_told():
    parts = divided(plane([0, 1, 2]), plane([2, 3], seed=1), NAMES)
    read = fitted_reader(parts, NAMES)
    items = np.array([[[30, 0], [20, 20]], [[20, 10], [30, 20]]], np.float32)
    assert read(items).tolist() == [[[3, 0], [2, 2]], [[2, 1], [3, 2]]]
    of_training = np.array([[0, 10]], np.float32)
    assert read(of_training).tolist() == [[2, 1]]  # of the rows that test items have


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 3]])
def test_nothing_that_is_scored_is_fitted_on(rows, monkeypatch):
    fitted, asked = [], []

    def neighbours(near, known, far, truth, **options):
        fitted.append(near), asked.append(far)
        return 0.5

    monkeypatch.setattr(factor_scores, "knn_accuracy", neighbours)
    monkeypatch.setattr(factor_scores, "item_means", lambda trained, x, k: x)
    parts = divided(plane([0, 1, 2]), plane(rows, seed=1), NAMES)
    informativeness_scores(type("Trained", (), {"names": NAMES}), parts)
    own = {item.tobytes() for item in parts.scored.items}
    assert {item.tobytes() for items in asked for item in items} == own
    assert not own & {item.tobytes() for items in fitted for item in items}
    train = {item.tobytes() for item in parts.train.items}
    on_train = [all(item.tobytes() in train for item in items) for items in fitted]
    assert on_train == [rows[-1] != 3] * 2 + [True] * 2


def test_sets_that_do_what_their_sources_ask_reach_the_ceiling_and_copies_the_floor():
    parts = divided(plane([0, 1, 2]), plane([0, 1, 2], seed=1), NAMES)
    read = fitted_reader(parts, NAMES)
    wanted = np.array([[0, 1], [1, 2], [2, 0], [1, 1]])
    right = np.repeat(10.0 * wanted[:, None], 5, axis=1)
    sources = np.stack([right, right + [0.0, 10.0] * (wanted[:, :1, None] < 0)], axis=1)
    sources[1:, 1, :, 0] = 10.0 * ((wanted[1:, 0] + 1) % 3)[:, None]
    sources[:3, 0, :, 1] = 10.0 * ((wanted[:3, 1] + 1) % 3)[:, None]
    wrong_row = right.copy()
    wrong_row[0, :, 0] += 10.0
    found = Synthesis(sources.astype(np.float32), wanted, GeneratedSet(right, wrong_row))
    scores = synthesis_scores(NAMES, found, parts.scored, read)
    values = {name: score.value for name, score in scores.items()}
    assert values == {
        "synthesis_row": 1.0,
        "synthesis_column": 1.0,
        "synthesis_joint": 1.0,
        "synthesis_row_means": 0.75,
        "synthesis_column_means": 1.0,
        "synthesis_joint_means": 0.75,
        "floor_row": pytest.approx(1 / 3),
        "floor_column": pytest.approx(1 / 3),
        "floor_joint": 0.25,
    }
    assert scores["synthesis_joint"].ceiling == scores["synthesis_row"].ceiling == 1.0


def test_each_source_is_constant_in_the_context_that_it_gives():
    scored = plane([0, 1, 2], noise=0.0)
    model = ContextAwareLearner.for_data(scored, NAMES, context_dim=2)
    trained = TrainedLearner(model, untrained(model), set_size=3)
    found = synthesise(trained, scored, jax.random.key(0), num_sets=6, seed=0)
    assert found.sources.shape == (6, 2, 3, 2) and found.made.means.shape == (6, 3, 2)
    for k in range(2):
        np.testing.assert_array_equal(
            found.sources[:, k, :, k], np.repeat(10.0 * found.wanted[:, k, None], 3, axis=1)
        )
    assert np.ptp(found.sources[:, 0, :, 1]) > 0


def test_the_digest_sees_items_and_factors_of_both_parts():
    train, test = plane([0, 1]), plane([0, 1], seed=1)
    first = Splits(train, test, "plane", "test items").digest
    assert first == Splits(plane([0, 1]), plane([0, 1], seed=1), "p", "t").digest
    assert first != Splits(train, plane([0, 1], seed=2), "plane", "test items").digest
    other = FactorDataset(
        train.items,
        {"row": train.factors["row"], "column": np.zeros(train.num_items, int)},
        value_names=train.value_names,
    )
    assert first != Splits(other, test, "plane", "test items").digest
