"""What the training never sees; the experiment's own scores and figures, of a perfect model."""

import jax
import numpy as np
import pytest

from cal_jax.data.digits import load_digits
from cal_jax.data.held_out import held_out_pairs, look_alikes
from cal_jax.evaluation.generation_scores import generation_scores
from cal_jax.metrics.merged import merge_of
from experiments.common.image_sets import evaluation_sets, training_sets
from experiments.held_out_pairs import EXPERIMENT, PRESETS, draw, main, score, unseen_sets
from tests.ideal_sampler import IdealSampler
from tests.stderr import said

KINDS = ("synthesis_seen", "synthesis_held_out", "synthesis_joint")


def test_seen_and_held_out_pairs_are_scored_apart_and_drawn(tmp_path):
    config = PRESETS["smoke"]
    model = IdealSampler(config)
    drawn = model.drawn(jax.random.key(0))
    names = ("digit", "rotation")
    usual = generation_scores(names, drawn.generated, drawn.real, model.read, merge_of(names))
    scores = usual | dict(score(config, drawn, model.read))
    assert {name for name in scores if name.startswith("synthesis")} == {
        f"{kind}{merged}{means}"
        for kind in KINDS
        for merged in ("", "_merged")
        for means in ("", "_means")
    }
    for name, (value, ceiling, _) in scores.items():
        assert value == pytest.approx(ceiling, abs=1e-6), name
    assert set(EXPERIMENT.targets) < set(scores)
    assert is_held_out(model.read(unseen_sets(config, drawn).x)).all()

    figures = draw(tmp_path, config, drawn)
    names = {"data_sets", "unseen_labels", "synthesis", "held_out"}
    assert {path.stem for path, _ in figures} == names
    assert all(path.exists() for path, _ in figures)


def is_held_out(factors):
    """Whether the pair of each item looks like one that is held out."""
    unseen = np.unique(look_alikes()[held_out_pairs(0.2, 0)])
    assert len(unseen) == 12
    return np.isin(look_alikes()[factors[..., 0], factors[..., 1]], unseen)


@pytest.mark.parametrize("preset", ["smoke", "cpu", "thesis"])
def test_a_fifth_of_the_classes_is_held_out_of_training_and_of_what_the_model_is_given(preset):
    config, images = PRESETS[preset], load_digits().train
    _, _, factors, labels = training_sets(config, images, seed=3).data
    assert not is_held_out(factors).any()
    assert len(np.unique(labels, axis=0)) == 2
    pixels = np.zeros((8, *images.images.shape), np.uint8)
    for label in ((1, 0), (0, 1), (1, 1), (0, 0)):
        sets, _ = evaluation_sets(config, pixels, images.labels, ((label, 1),), label)
        assert not is_held_out(sets.factors).any()
    mix = (((1, 1), 1),)
    sets, _ = evaluation_sets(config, pixels, images.labels, mix, allowed=~config.allowed)
    assert is_held_out(sets.factors).all()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("--held-out 0.5", "held_out 0.5; accepted: a share of at least one of 60 classes"),
        ("--held-out-seed -1", "held_out_seed must be 0 or more: got -1"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(setting, words, tmp_path, capsys):
    assert main([*setting.split(), "--run-dir", str(tmp_path / "run")]) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
