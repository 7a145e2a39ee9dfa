"""The study of untold masks of drawn sprites as its users run it, and what it may see."""

import numpy as np
import pytest

from cal_jax.data.drawn_sprites import drawn_sprites
from cal_jax.data.mask_mix import all_masks
from cal_jax.errors import InputError
from experiments import drawn_sprites_untold
from experiments.bench.data import divided
from experiments.common import untold
from experiments.drawn_sprites_untold import PRESETS, DrawnSpritesUntoldConfig, main
from experiments.results.record import read_run


@pytest.fixture(name="few")
def few_combinations(monkeypatch):
    sprites = drawn_sprites()
    rows = np.random.default_rng(0).permutation(sprites.num_items)[:20_000]
    few = divided(sprites.take(rows))
    monkeypatch.setattr(drawn_sprites_untold, "combinations_of", lambda name, directory: few)
    return few


def test_a_run_names_masks_of_combinations_that_nothing_was_fitted_on(few, tmp_path, monkeypatch):
    trained, scored = [], []
    real_sets, real_of = untold.FactorSets, untold.sets_of
    monkeypatch.setattr(
        untold, "FactorSets", lambda items, **o: trained.append(items) or real_sets(items, **o)
    )
    monkeypatch.setattr(
        untold,
        "sets_of",
        lambda items, *args, **o: scored.append(items) or real_of(items, *args, **o),
    )
    monkeypatch.setattr(untold, "FLOOR_SETS", 40)
    flags = ["--preset", "smoke", "--devices", "1", "--scored", "validation"]
    assert main([*flags, "--run-dir", str(tmp_path / "run")]) == 0
    assert trained == [few.train] and scored[0] is few.validation
    assert all(items is few.train for items in scored[1:]), "the floor is fitted on training's"
    record = read_run(tmp_path / "run")
    assert {"accuracy", "accuracy_by_bound", "floor_accuracy"} <= set(record["scores"])
    assert 0.5 < record["scores"]["accuracy"]["ceiling"] <= 1
    assert record["data"]["evaluated_on"] == "validation combinations"


def test_the_masks_of_the_presets():
    assert PRESETS["one-cpu"].support.sum() == 5
    subsets = PRESETS["subsets-cpu"]
    assert [tuple(mask) for mask in subsets.support] == all_masks(5)
    assert len(subsets.mix) == 32 and {weight for _, weight in subsets.mix} == {1.0}
    with pytest.raises(InputError, match=r"model.labels: 5; accepted: num_labels 32"):
        DrawnSpritesUntoldConfig("", model=PRESETS["one-cpu"].model, masks="subsets")
