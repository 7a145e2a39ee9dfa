"""The synthetic experiment as its users run it, at the smoke preset."""

import json

import numpy as np
import pytest

from cal_jax.data.synthetic import sets_of_test
from cal_jax.models.components.likelihoods import Normal
from cal_jax.nn.hidden import Hidden
from experiments.results.gather import gather
from experiments.results.record import read_run
from experiments.synthetic_sets import PRESETS, main
from experiments.synthetic_sets.config import SyntheticConfig
from experiments.synthetic_sets.pipeline import training_sets
from experiments.synthetic_sets.scores import Located, context_scores, gap_score
from experiments.synthetic_sets.truth import log_density
from tests.stderr import said

CONTEXTS = {
    "family_knn",
    "r2_population_mean",
    "r2_population_variance",
    "r2_sample_mean",
    "r2_sample_variance",
}
BOUNDS = {"nested_log_likelihood_per_item", "elbo_subset_per_item", "elbo_per_item"}


@pytest.fixture(name="smoke", scope="module")
def smoke_run(tmp_path_factory):
    """The folder of the first of two seeds that were trained together."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    flags = ["--preset", "smoke", "--run-dir", str(folder), "--devices", "1", "--seeds", "2"]
    assert main(flags) == 0
    return folder / "seed0"


def test_a_run_leaves_scores_figures_and_one_page(smoke):
    run = read_run(smoke)
    assert set(run["scores"]) == CONTEXTS | BOUNDS | {"gap_to_true_density_per_item"}
    for name, score in run["scores"].items():
        has_ceiling = name in ("family_knn", "gap_to_true_density_per_item") or "popul" in name
        assert (score["ceiling"] is not None) == has_ceiling
    assert run["oracle"] is None
    assert run["command"] == "python -m experiments.synthetic_sets --preset smoke --seed 0"
    details = run["details"]
    bound = details["bound_per_item"]
    kls = bound["kl_context"] + sum(bound["kl_latents"])
    assert bound["elbo"] == pytest.approx(bound["reconstruction"] - kls, rel=1e-4)
    assert bound["elbo"] > details["untrained_elbo_per_item"]
    assert details["set_sizes"]["items"] == [5, 30]
    assert len(details["set_sizes"]["family_knn_ceiling"]) == 2
    assert (smoke / "report.html").read_text().count("data:image/png;base64,") == 5
    assert json.loads((smoke / "config.json").read_text())["training.clip"] == 0.5


def test_seeds_trained_together_are_gathered_as_any_others(smoke):
    joined = gather([smoke, smoke.with_name("seed1")])
    assert joined["seeds"] == [0, 1]
    assert joined["command"] == "python -m experiments.synthetic_sets --preset smoke --seed SEED"
    first, second = joined["scores"]["elbo_per_item"]["values"]
    assert first != second


def test_the_author_s_generator_has_no_exact_ceiling(tmp_path):
    arguments = ["--run-dir", str(tmp_path / "run"), "--devices", "1", "--training.steps", "10"]
    assert main([*arguments, "--generator", "author", "--model.layers", "1"]) == 0
    run = read_run(tmp_path / "run")
    assert set(run["scores"]) == CONTEXTS | BOUNDS
    assert all(score["ceiling"] is None for score in run["scores"].values())


def test_the_thesis_preset_is_section_5_3_1():
    config = PRESETS["thesis"]
    model, training = config.model, config.training
    assert (model.layers, model.context_dim, model.latent_dim) == (2, 3, 32)
    assert model.hidden == Hidden(width=128, depth=3, norm="batch", skip=True)
    assert model.likelihood == Normal(scale=None, log_variance_range=(-4.0, 3.0))
    assert training.steps * training.batch_size == 50 * config.num_sets
    assert (training.learning_rate, training.clip, training.kl_power) == (1e-3, 0.5, 1)
    assert (training.alpha, training.alpha_half_life) == (1.0, 1.0)
    assert (config.num_sets, config.test_sets, config.set_size) == (10_000, 1_000, 200)


def test_contexts_that_are_the_moments_score_perfectly():
    train, test = sets_of_test(0, 400, 20), sets_of_test(1, 400, 20)

    def truth(sets):
        return np.stack([5.0 * sets.family, sets.mean, sets.variance], axis=1)

    scores = context_scores(Located(train, test, truth(train), truth(test)), exact=False)
    assert scores["family_knn"].value == 1.0
    assert scores["r2_population_mean"].value > 0.8
    shuffled = np.roll(truth(test), 1, axis=0)
    wrong = context_scores(Located(train, test, truth(train), shuffled), exact=False)
    assert wrong["family_knn"].value < 0.5
    assert wrong["r2_population_mean"].value < 0.2


def test_the_gap_is_the_generating_density_s_lead():
    test = sets_of_test(0, 50, 20)
    density = np.asarray(log_density(test.x, test.family, test.mean, test.variance)).mean(axis=1)
    score = gap_score(density - 0.2, test)
    assert score.value == pytest.approx(0.2, abs=1e-5)
    assert 0.05 < score.ceiling < 0.4  # three unknowns, twenty items


def test_test_sets_are_never_training_sets():
    config = PRESETS["smoke"]
    train = training_sets(config, config.test_seed)
    for stream in (1, 2):
        test = sets_of_test(config.test_seed, config.num_sets, config.set_size, stream=stream)
        assert not np.array_equal(train.family, test.family)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--generator other", "--generator other; accepted: population, author"),
        ("--set-size 1", "set_size must be at least 2"),
        ("--test-seed -1", "test_seed must be at least 0"),
        ("--training.kl-power 3", "training.kl_power must be 1 or 2"),
        ("--likelihood-sets 99", "likelihood_sets must be at most test_sets"),
        ("--training.clip -1.0", "training.clip must be positive"),
        ("--sizes", "sizes must be one or more"),
    ],
)
def test_bad_fields_end_in_one_line(flags, message, capsys):
    assert main(flags.split()) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_flags_of_images_are_not_taken(capsys):
    assert main(["--data-dir", "anywhere"]) == 2
    assert "Unrecognized options: --data-dir" in said(capsys)


def test_the_config_is_checked_when_it_is_made():
    with pytest.raises(ValueError, match="num_sets must be at least 10"):
        SyntheticConfig("", num_sets=9)
