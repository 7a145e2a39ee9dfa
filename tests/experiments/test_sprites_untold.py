"""Sprites with inferred masks as their users run them, on made-up sheets, and their baselines."""

import numpy as np
import pytest

from cal_jax.data.sprite_frames import CHARACTER
from cal_jax.training.config import Trained
from experiments.common import untold
from experiments.results.record import read_run
from experiments.sprites_untold import PRESETS, main, scores
from experiments.sprites_untold.clusters import cluster_accuracy, told_accuracy, variances
from tests.data.sprite_sheets import write_sheets
from tests.stderr import said


@pytest.fixture(name="sheets", scope="module")
def made_sheets(tmp_path_factory):
    """A directory with the 25 sheets."""
    return write_sheets(tmp_path_factory.mktemp("data") / "sheets")


def characters(frames):
    """Of the frames, as tuples of values."""
    return set(map(tuple, frames.columns(CHARACTER)))


def test_the_smoke_preset_sees_no_scored_character_in_training(sheets, tmp_path, monkeypatch):
    fitted, drawn = [], []

    def fit_nothing(runs, what, **identity):
        """Initial variables: what training is given counts, and ``fit`` has tests of its own."""
        assert set(identity) == {"sheets"}
        fitted.append(characters(what.sets(0).dataset))
        model, objective = what.model, what.objective
        source = what.sets(0).source(model)
        variables = initial_variables(model, objective, source)
        for run in runs:
            run.folder.append_metrics({"step": 1, "elbo": -1.0, "confusion": np.eye(6)})
        return [Trained(1, variables, variables, 0.0, None, []) for _ in runs]

    real = untold.sets_of

    def watched(frames, config, count, seed, **options):
        drawn.append((characters(frames), count))
        return real(frames, config, count, seed, **options)

    monkeypatch.setattr(untold, "fit_runs", fit_nothing)
    for module in (untold, scores):
        monkeypatch.setattr(module, "sets_of", watched)
    flags = ["--preset", "smoke", "--data-dir", str(sheets), "--devices", "1"]
    assert main([*flags, "--run-dir", str(tmp_path / "run")]) == 0
    run = read_run(tmp_path / "run")
    assert set(run["scores"]) == {
        *("accuracy", "accuracy_sampled", "best_accuracy", "nmi"),
        *("compared", "clusters", "told", "guess"),
    }
    assert 0.4 < run["scores"]["accuracy"]["ceiling"] <= 1.0
    (train,) = fitted
    (scored, count), (seen, more) = drawn
    assert (count, more) == (20, 60) and seen == train and len(train) == 1000
    assert len(scored) == 296 and not scored & train


def initial_variables(model, objective, source):
    """Initial variables of a model, by the objective that trains it."""
    from cal_jax.training.task import task_of

    return task_of(model, source, objective, 0).init()


def test_features_are_log_variances_of_blocks():
    x = np.zeros((1, 2, 8, 8, 3), np.uint8)
    x[0, 1, :4, 4:, 2] = 40
    found = variances(x).reshape(2, 2, 3)
    assert found.shape == (2, 2, 3)
    expected = np.zeros((2, 2, 3))
    expected[0, 1, 2] = np.log(1 + 20.0**2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_clusters_are_matched_to_masks_and_the_told_classifier_is_not():
    rng = np.random.default_rng(0)
    support = np.eye(3, dtype=np.float32)
    centres = 9.0 * rng.normal(size=(3, 5))
    train, test = (rng.integers(3, size=count) for count in (90, 60))
    near, far = (centres[of] + rng.normal(size=(len(of), 5)) for of in (train, test))
    assert cluster_accuracy(near, far, support[test], support, 0) == 1.0
    assert told_accuracy(near, support[train], far, support[test], support) == 1.0
    assert told_accuracy(near, support[(train + 1) % 3], far, support[test], support) == 0.0


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_label_for_each_mask(preset):
    config = PRESETS[preset]
    config.model.sizes((64, 64, 3))
    assert len(config.support) == (64 if preset == "cpu-subsets" else 6)
    assert config.scored == "test"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--data-dir: none; accepted: a directory with the sheets of https://github.com"),
        ("--masks subsets", "model.labels.num_labels must be 64, the masks: got 6"),
        ("--temperature 0", "temperature and spread must be positive"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1
