"""``cal-jax sample`` and ``cal-jax export`` as their users run them."""

from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
import pytest

from cal_jax.cli.main import main, source_sets
from cal_jax.config import flatten
from cal_jax.data.factors import VALUES, DigitFactors, draw_digit_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.set_samplers import render_sets
from cal_jax.inference import weights
from cal_jax.inference.mapping import map_model
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.config import ContextAwareConfig, named
from cal_jax.trained import WEIGHTS, digits_binarisation, source_images
from cal_jax.training import checkpoints
from cal_jax.training.config import TrainingConfig
from cal_jax.training.resume import CHECKPOINTS
from tests.small_models import small_model


@dataclass(frozen=True)
class Parts:
    """Of an experiment's config, those that weights are made of."""

    model: ContextAwareConfig
    training: TrainingConfig


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model, variables = small_model(contexts=named("digit", "rotation"))
    trained = TrainedLearner(model, variables, 5, "threshold")
    return weights.save(tmp_path_factory.mktemp("weights") / "w.safetensors", trained)


def test_a_synthesis_is_drawn_without_training_and_is_the_same_each_time(saved, tmp_path, capsys):
    bodies = []
    for name in ("a.png", "b.png"):
        arguments = ["sample", "--weights", str(saved), "--out", str(tmp_path / name)]
        assert main([*arguments, "--digit", "5", "--rotation", "90"]) == 0
        assert name in capsys.readouterr().out
        bodies.append((tmp_path / name).read_bytes())
    assert bodies[0] == bodies[1] and bodies[0].startswith(b"\x89PNG")


def test_nothing_but_the_package_is_needed(tmp_path):
    assert main(["sample", "--out", str(tmp_path / "s.png"), "--digit", "5"]) == 0
    assert (tmp_path / "s.png").stat().st_size > 10_000


def test_sources_are_constant_where_asked_and_vary_elsewhere(saved):
    """Images whose column of ones is their digit; their last row tells the background."""
    labels = np.repeat(np.arange(10), 20).astype(np.int32)
    pixels = np.zeros((200, 10, 10), np.uint8)
    pixels[np.arange(200), :9, labels] = 255
    trained = weights.load(saved)
    config = replace(trained.config, contexts=named("digit", "background"))
    trained = trained._replace(model=trained.model.clone(config=config))
    images, wanted = LabelledImages(pixels, labels), {"digit": 3, "background": 1}
    digit, background = source_sets(trained, images, wanted, seed=0)
    white = digit[:, 9, 0] == 1
    assert white.any() and not white.all() and background[:, 9].all()
    assert set(np.abs(digit[:, 0] - white[:, None]).argmax(axis=1)) == {3}
    assert len(set((1 - background[:, 0]).argmax(axis=1))) > 1


def test_the_package_s_images_have_enough_of_each_digit_for_a_source():
    images = source_images(14)
    assert images.images.shape == (200, 14, 14)
    assert np.bincount(images.labels).tolist() == [20] * 10


def drawn_sets(trained, images, name, values):
    """A set for each value of the factor, in which it alone is constant, [M, N, H, W]."""
    dataset = DigitFactors(trained.names).dataset(images, digits_binarisation(trained), 0)
    label = tuple(int(other == name) for other in trained.names)
    sets = [
        draw_digit_sets(
            np.random.default_rng(seed),
            dataset,
            num_sets=1,
            set_size=trained.set_size,
            mix=((label, 1),),
            given={name: VALUES[name][value]},
        )
        for seed, value in enumerate(values)
    ]
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *sets)
    return render_sets(dataset, trained.names, joined)


def test_the_package_s_weights_know_the_digit_and_the_rotation_of_its_images():
    """Neighbours among constant contexts of 64 sets tell the factor of 64 others."""
    trained = weights.load(WEIGHTS)
    assert trained.names == ("digit", "rotation")
    images = source_images(trained.model.event_shape[0])

    def means(_, inference, x, a):
        return inference.constant_contexts(inference.encode(x), a, None).mean()

    context_of = jax.jit(map_model(means, trained.model))
    for k, name in enumerate(trained.names):
        values = np.arange(64) % 8
        sets = drawn_sets(trained, images, name, [*values, *values])
        labels = np.tile(np.eye(2, dtype=np.float32)[k], (128, 1))
        contexts = np.asarray(context_of(trained.variables, sets, labels))[:, k]
        distance = np.sum((contexts[64:, None] - contexts[None, :64]) ** 2, axis=-1)
        assert np.mean(values[distance.argmin(axis=1)] == values) > 0.95


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--digit", "10"], "--digit 10: accepted are 0, 1"),
        (["--rotation", "30"], "--rotation 30: accepted are 0, 45, 90"),
        (["--background", "white"], "--background: the weights know no such factor"),
        (["--seed", "-1"], "--seed -1: accepted"),
        (["--weights", "none"], "cannot read the weights none"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(more, words, saved, tmp_path, capsys):
    arguments = ["sample", "--weights", str(saved), "--out", str(tmp_path / "o.png"), *more]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "model.*"),
        ({"model.context_dim": "4"}, "context_dim: '4'; accepted: int"),
        ({"model.context_dim": 2**70}, "accepted: int"),
        ({"model._target_": "os.system"}, "unknown field _target_; accepted: contexts"),
        ({"training.steps": 1.5}, "steps: 1.5; accepted: int"),
        ({"binarisation": None}, "'binarisation'"),
    ],
)
def test_a_config_that_is_none_is_named(changes, words, tmp_path, capsys):
    model, _ = small_model()
    flat = flatten(Parts(model.config, TrainingConfig())) | {
        "image_size": 8,
        "set_size": 5,
        "binarisation": "static",
    }
    flat = {k: v for k, v in (flat | changes).items() if v is not None}
    flat = flat if changes else {"task": "none"}
    checkpoints.save(tmp_path / CHECKPOINTS, 1, {"x": np.zeros(1)}, extra={"config": flat})
    assert main(["export", str(tmp_path), "--out", "w"]) == 2
    error = capsys.readouterr().err
    assert "no run of a context-aware learner" in error and words in error


def test_without_a_checkpoint_there_is_nothing_to_export(tmp_path, capsys):
    arguments = ["export", str(tmp_path), "--out"]
    assert main([*arguments, str(Path(tmp_path) / "w")]) == 2
    assert "no checkpoint" in capsys.readouterr().err
