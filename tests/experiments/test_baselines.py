"""The experiment at its smoke preset, as its users run it."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.data.digits import load_digits
from cal_jax.models.components.decoders import DenseDecoder
from cal_jax.models.components.encoders import DenseEncoder
from experiments.baselines import LEARNERS, PRESETS, main, with_model, with_task
from experiments.baselines.config import MODELS, TASKS
from experiments.baselines.pipeline import visible_sets
from experiments.common.image_sets import training_sets
from experiments.results.gather import gather, write
from experiments.results.record import read_run
from tests.stderr import said

SCORES = {
    *(f"{score}_{k}" for score in ("conditional", "diversity") for k in ("digit", "background")),
    "synthesis_joint",
}
SMALLER = (
    "--training.steps 2",
    "--training.chunk-steps 1",
    "--oracle.steps 2",
    "--test-sets 10",
    "--likelihood-every 10",
    "--image-size 8",
    "--model.encoder.width 8",
    "--model.decoder.width 8",
    "--model.posterior.width 8",
    "--model.hidden.width 8",
    "--model.hidden.depth 1",
)


def run(folder, *arguments):
    return main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1", *arguments])


def test_a_run_leaves_its_scores_and_figures_and_can_be_gathered(tmp_path):
    folder = tmp_path / "run"
    changes = [word for flag in SMALLER for word in flag.split()]
    assert run(folder, "--task", "black_and_white", "--model", "ml_vae", *changes) == 0
    record = read_run(folder)
    assert record["experiment"] == "baselines-black_and_white-ml_vae"
    assert record["command"].startswith(
        "python -m experiments.baselines --task black_and_white --model ml_vae --preset smoke"
    )
    bounds = {"elbo_per_item", "log_evidence_per_item"}
    assert set(record["scores"]) == SCORES | {f"{name}_means" for name in SCORES} | bounds
    assert {path.stem for path in folder.glob("*.png")} == {"conditional", "synthesis", "training"}
    assert set(record["details"]["log_evidence_by_constant_factor"]) <= {"digit", "background"}
    joined = write(gather([folder]), tmp_path)
    assert joined.name == "baselines-black_and_white-ml_vae-smoke.json"


def test_the_sets_and_the_oracle_are_the_learner_s_and_the_networks_no_smaller():
    for task in TASKS:
        learner, own = LEARNERS[task]["cpu"], with_task(PRESETS["cpu"], task)
        for name in ("num_sets", "set_size", "test_sets", "binarisation", "oracle", "mix"):
            assert getattr(own, name) == getattr(learner, name), name
        assert own.likelihood_every == learner.likelihood_every
        assert isinstance(own.model.encoder, DenseEncoder)
        assert own.model.encoder.width >= learner.model.encoder.width
        assert isinstance(own.model.decoder, DenseDecoder)
        assert own.model.decoder.width >= learner.model.decoder.width
        latents = own.model.context_dim + own.model.latent_dim
        contexts = learner.model.num_contexts * learner.model.context_dim
        assert latents >= contexts + learner.model.latent.dim


def test_every_model_sees_the_learner_s_sets_and_a_group_model_those_of_its_kind():
    images = load_digits().train
    for name in MODELS:
        config = with_model(with_task(PRESETS["smoke"], "black_and_white"), name)
        assert config.name == name
        config = replace(config, image_size=8)
        visible = visible_sets(config, images, 0)
        sets = training_sets(config, images, 0)
        labels = sets.data[-1].constant_mask
        rows = np.arange(160) if config.group is None else np.flatnonzero(labels[:, 0])
        assert visible.num_sets == len(rows) == (160 if name in ("statistician", "vae") else 133)
        (x,) = visible.draw(jax.random.key(0), visible.data, 7).data
        np.testing.assert_array_equal(
            x, sets.draw(jax.random.key(0), sets.data, int(rows[7])).data[0]
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "gvae", "--group", "background"], "group must be one of None, digit"),
        (["--model", "vae", "--group", "digit"], "group must be one of None: got 'digit'"),
        (["--image-size", "4"], "image_size must be at least"),
        (["--task", "none"], "--task none: accepted are rotated, black_and_white"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path, capsys):
    assert run(tmp_path / "run", *arguments) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
