"""The program on the weights of a small model, as its users run it, and its sets."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.config import flatten
from cal_jax.data import rotation
from cal_jax.data.binarise import fixed_binary
from cal_jax.data.digits import load_digits
from cal_jax.data.images import of_classes
from cal_jax.evaluation.constant_posteriors import constant_moments
from cal_jax.evaluation.oracle.train import Oracle, network_of
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.config import named
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.nn.hidden import Hidden
from experiments import rotated
from experiments.context_uses import main
from experiments.context_uses import scores as context_uses
from experiments.results.gather import gather
from experiments.results.record import read_run
from tests.small_models import binary_sets, small_model

FACTORS = ("digit", "rotation")
SMALL = ["--sets-per-value", "2", "--sizes", "1", "2", "--shots", "1", "--new-items", "1"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model, variables = small_model(
        contexts=named(*FACTORS), posterior=SharedExperts(8), hidden=Hidden(8, depth=1)
    )
    trained = TrainedLearner(model, variables, 3, "threshold")
    return weights.save(tmp_path_factory.mktemp("weights") / "w.safetensors", trained)


def flags(saved, folder):
    return ["--weights", str(saved), "--run-dir", str(folder), "--devices", "1", *SMALL]


def untrained_oracle(directory, factors, images, config, binarisation):
    """In the place of ``factor_oracle``: what it reads is not what is tested here."""
    sizes, side = tuple(factors.sizes.values()), images.images.shape[-1]
    network = network_of(sizes, config)
    blank = jnp.zeros((1, side, side))
    variables = jax.jit(lambda key: network.init(key, blank, train=False))(jax.random.key(0))
    return Oracle(variables, factors.names, sizes, side, config)


def test_a_model_s_contexts_are_scored_drawn_and_gathered(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.context_uses.factor_oracle", untrained_oracle)
    folder = tmp_path / "run"
    assert main([*flags(saved, folder), "--digits", "7", "8", "9"]) == 0
    run = read_run(folder)
    expected = {
        f"{what}_{factor}{which}"
        for factor in FACTORS
        for what, whiches in {
            "few_shot": ("_1", "_chance"),
            "retrieval": ("_at_10", "_map", "_at_10_chance", "_map_chance"),
            "predictive": ("_0", "_1", "_2"),
            "amortisation_gap": ("",),
            "consistency": ("", "_means"),
            "restrictiveness": ("", "_means"),
        }.items()
        for which in whiches
    }
    assert set(run["scores"]) == expected
    assert run["scores"]["few_shot_digit_chance"]["value"] == pytest.approx(1 / 3)
    assert run["scores"]["few_shot_rotation_chance"]["value"] == 1 / 8
    bounds = run["details"]["bounds_per_item"]
    for factor in FACTORS:
        assert bounds[factor]["amortised"] < bounds[factor]["refined"] < 0
    assert run["command"].startswith("python -m experiments.context_uses --weights FILE --preset")
    assert str(tmp_path) not in json.dumps(run)
    assert len(run["details"]["weights"]) == 64
    assert (folder / "report.html").read_text().count("data:image/png;base64,") == 1
    joined = gather([folder])
    assert joined["experiment"] == "context_uses-digit-rotation"
    assert joined["config"]["model.posterior.kind"] == "SharedExperts"


def test_sets_share_the_value_that_they_stand_for_and_show_the_digits_asked_for(saved):
    trained = weights.load(saved)
    images = of_classes(load_digits().test, (2, 5))
    of = context_uses.material(trained, images, 0, sets_per_value=3, set_size=6)
    assert of.values(0).tolist() == [2, 2, 2, 5, 5, 5]
    assert of.values(1).tolist() == np.repeat(np.arange(8), 3).tolist()
    pixels = fixed_binary(rotation.rotated(images.images), "threshold", 0)
    for k in (0, 1):
        sets = of.alone[k]
        assert (sets.factors[..., k] == of.values(k)[:, None]).all()
        assert (np.ptp(sets.factors[..., 1 - k], axis=1) > 0).mean() > 0.7
        varies = of.others[k].factors
        assert varies.shape[:2] == (len(sets.x), trained.set_size)
        assert (varies[..., 1 - k] == varies[:, :1, 1 - k]).all()
        turned = pixels[sets.factors[0, 0, 1]]
        assert (turned == sets.x[0, 0]).all(axis=(1, 2)).any()


def test_a_context_is_inferred_from_the_items_that_count(saved):
    trained = weights.load(saved)
    model, variables = trained.model, trained.variables
    x, _ = binary_sets(2, 4)
    a = np.array([1, 0])
    some = constant_moments(model, variables, x, a, np.array([1, 1, 0, 0]))
    assert some.mean.shape == some.log_variance.shape == (2, 2, 3)
    x[:, 2:] = 1 - x[:, 2:]
    again = constant_moments(model, variables, x, a, np.array([1, 1, 0, 0]))
    np.testing.assert_allclose(some.mean, again.mean, rtol=1e-6)
    whole = constant_moments(model, variables, x, a, np.ones(4))
    assert np.abs(whole.mean - some.mean).max() > 1e-3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--digits", "3"], "digits must be two or more of 0 to 9, each once, or none"),
        (["--sizes"], "sizes must be one or more of at least 1: got ()"),
        (["--new-items", "60"], "accepted: at least set_size = 62 in every class"),
        (["--weights", "none"], "cannot read the weights none"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(more, words, saved, tmp_path, capsys):
    assert main([*flags(saved, tmp_path / "run"), *more]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and words in error


def test_training_can_be_kept_to_some_digits(tmp_path, capsys):
    assert "training_classes" not in flatten(rotated.PRESETS["cpu"])
    arguments = ["--run-dir", str(tmp_path / "run"), "--training-classes"]
    for classes in ("1", "1 1", "1 10"):
        assert rotated.main([*arguments, *classes.split()]) == 2
        assert "training_classes must be two or more of 0 to 9" in capsys.readouterr().err
