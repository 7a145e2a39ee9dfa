"""The experiment's own scores and figures, of a perfect model; its labels; its bad input."""

from itertools import product

import jax
import pytest

from cal_jax.config import differences, flatten
from cal_jax.evaluation.generation_scores import generation_scores
from cal_jax.metrics.merged import merge_of
from experiments.three_contexts import (
    EXPERIMENT,
    PRESETS,
    ThreeContextsConfig,
    draw,
    main,
    score,
)
from tests.ideal_sampler import IdealSampler
from tests.stderr import said

FACTORS = ("digit", "rotation", "background")
TWO = {
    f"two_constant{diversity}_{factor}{means}"
    for diversity in ("", "_diversity")
    for factor in FACTORS
    for means in ("", "_means")
}


def test_sets_of_every_label_are_scored_and_drawn(tmp_path):
    config = PRESETS["smoke"]
    model = IdealSampler(config)
    drawn = model.drawn(jax.random.key(0))
    usual = generation_scores(FACTORS, drawn.generated, drawn.real, model.read, merge_of(FACTORS))
    scores = usual | dict(score(config, drawn, model.read))
    assert {name for name in scores if name.startswith("two")} == TWO
    assert {name for name in scores if name.startswith("synthesis")} == {
        f"synthesis_triple{merged}{means}" for merged in ("", "_merged") for means in ("", "_means")
    }
    for name, (value, ceiling, _) in scores.items():
        assert value == pytest.approx(ceiling, abs=1e-6), name
    assert set(EXPERIMENT.targets) < set(scores)

    model.asked.clear()
    figures = draw(tmp_path, config, drawn)
    assert {path.stem for path, _ in figures} == {"labels", "conditional", "synthesis"}
    assert all(path.exists() for path, _ in figures)
    assert sorted(model.asked) == sorted(product((0, 1), repeat=3))


def test_training_has_exactly_one_constant_factor_or_any_subset_equally_often():
    assert PRESETS["cpu"].mix == [((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 1)]
    every = PRESETS["cpu-all-labels"].mix
    assert {label for label, _ in every} == set(product((0, 1), repeat=3))
    assert {weight for _, weight in every} == {1}


def test_the_preset_of_all_labels_differs_from_cpu_in_its_labels_alone():
    changed = differences(flatten(PRESETS["cpu-all-labels"]), flatten(PRESETS["cpu"]))
    assert {line.split()[0] for line in changed} == {"summary", "training_labels"}
    assert "training_labels" not in flatten(PRESETS["cpu"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("--training-labels two", "training_labels must be one of one_constant, all: got 'two'"),
        (
            "--model.contexts.2.name colour",
            "model.contexts must be digit, rotation, background: got digit, rotation, colour",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(setting, words, tmp_path, capsys):
    assert main([*setting.split(), "--run-dir", str(tmp_path / "run")]) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error


def test_more_digit_sets_are_digit_constant_ones_alone():
    config = ThreeContextsConfig(
        summary="", model=PRESETS["cpu"].model, training_labels="all", digit_sets=4
    )
    assert [label for label, weight in config.mix if weight == 4] == [(1, 0, 0)]
