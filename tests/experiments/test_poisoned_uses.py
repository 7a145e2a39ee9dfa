"""The programs that train no model: their oracle sees no item to evaluate on, and no class its
own query."""

from dataclasses import replace

import numpy as np
import pytest

from cal_jax.evaluation.amortisation import Refined
from cal_jax.evaluation.constant_posteriors import Moments
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.config import named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.nn.hidden import Hidden
from experiments import context_uses, oracle_check
from experiments.context_uses import scores as uses
from tests.experiments.poisoned import SIDE, Record, spy_on_fits
from tests.experiments.runs import ORACLE, publishing, run, scoring, stand_in
from tests.small_models import small_model

SET_SIZE = 3


def test_oracle_check(data, tmp_path, monkeypatch):
    record = Record()
    spy_on_fits(monkeypatch, record)
    stand_in(
        monkeypatch, oracle_check, "predict", np.zeros((8, 6, 2), np.int32), scoring(record, 1)
    )
    stand_in(monkeypatch, oracle_check, "draw", None)
    stand_in(monkeypatch, oracle_check, "publish", None, publishing(record))
    smoke = oracle_check.PRESETS["smoke"]
    config = replace(smoke, oracle=ORACLE, image_size=SIDE, count=6, degrees=5.0)
    run(monkeypatch, oracle_check.main, oracle_check.PRESETS, config, data, tmp_path)
    record.assert_clean("oracle")


class Asked:
    """The items that contexts, predictions and refined bounds are made from."""

    def __init__(self):
        self.contexts = []
        """Pairs x [M, N, H, W] and which of the N items count, bool [N]."""
        self.predicted = []
        """Pairs of the items given and the new ones, [M, N, H, W] each."""

    def constant_moments(self, model, variables, x, a, counts):
        del variables, a
        self.contexts.append((x, np.asarray(counts) > 0))
        shape = (len(x), model.config.num_contexts, model.config.context_dim)
        mean = np.random.default_rng(len(self.contexts)).normal(size=shape)
        return Moments(mean, np.zeros_like(mean))

    def predictive_log_likelihoods(self, model, variables, key, given, new, *_, **__):
        del model, variables, key
        self.predicted.append((given, new))
        return np.zeros(len(given))


@pytest.fixture(name="used", scope="module")
def used_contexts(data, tmp_path_factory):
    """What a run of ``context_uses`` fits, scores and asks its model."""
    record, asked, folder = Record(), Asked(), tmp_path_factory.mktemp("uses")
    model, variables = small_model(
        contexts=named("digit", "rotation"), posterior=SharedExperts(8), hidden=Hidden(8, 1)
    )
    trained = TrainedLearner(model, variables, SET_SIZE, "threshold")
    file = weights.save(folder / "weights.safetensors", trained)
    smoke = context_uses.PRESETS["smoke"]
    config = replace(smoke, oracle=ORACLE, sets_per_value=2, sizes=(1, 2), shots=(1, 5))
    with pytest.MonkeyPatch.context() as patch:
        spy_on_fits(patch, record)
        patch.setattr(uses, "constant_moments", asked.constant_moments)
        patch.setattr(uses, "predictive_log_likelihoods", asked.predictive_log_likelihoods)
        stand_in(patch, uses, "label_log_likelihoods", np.zeros(2), scoring(record, 3))
        stand_in(patch, uses, "refined_bounds", Refined(*np.zeros((2, 2))), scoring(record, 3))
        stand_in(
            patch,
            uses,
            "guarantee_scores",
            {},
            lambda args, _: record.scored.extend([*args[4], *args[5]]),
        )
        stand_in(patch, context_uses, "accuracy", {}, scoring(record, 1))
        stand_in(patch, context_uses, "draw", None)
        stand_in(patch, context_uses, "publish", None, publishing(record))
        program = (patch, context_uses.main, context_uses.PRESETS, config, data, folder)
        run(*program, "--weights", str(file))
    return record, asked


def test_context_uses(used):
    record, asked = used
    record.scored.extend(x for x, _ in asked.contexts)
    record.scored.extend(x for pair in asked.predicted for x in pair)
    record.assert_clean("oracle")


def test_no_class_and_no_prediction_is_given_the_item_that_is_asked_about(used):
    _, asked = used
    by_factor = [asked.contexts[start : start + 4] for start in (0, 4)]
    for one_shot, five_shots, whole, query in by_factor:
        (x, counts) = query
        assert counts.sum() == 1 and counts[-1]
        assert (one_shot[1].sum(), five_shots[1].sum(), whole[1].sum()) == (1, 5, SET_SIZE)
        for of_class, shots in (one_shot, five_shots):
            assert of_class is x and not (shots & counts).any()
    assert len(asked.predicted) == 4
    for given, new in asked.predicted:
        assert given.shape[1:3] == (2, SIDE) and new.shape[1:3] == (2, SIDE)
        assert not (given[:, :, None] == new[:, None]).all(axis=(-2, -1)).any()
