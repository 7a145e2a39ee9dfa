"""The experiment at its smoke preset, as its users run it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.cli import program
from cal_jax.data.digits import load_digits
from cal_jax.data.images import of_classes
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.labels import infer_labels
from cal_jax.inference.mapping import init_variables
from cal_jax.inference.sampler import Sampler
from cal_jax.io.run_folder import RunFolder
from cal_jax.models.context_aware.actions import Inversion, Rotation
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.objectives.label_bounds import label_bounds
from cal_jax.objectives.learned_prior import LearnedPrior
from cal_jax.training.config import SeedTask, TrainingConfig
from cal_jax.training.parallel import choose_devices
from cal_jax.training.signals import StopSignal
from cal_jax.training.task import task_of
from cal_jax.training.train import train
from experiments import black_and_white, rotated
from experiments.common.image_sets_config import SMALL_ORACLE
from experiments.common.mask_scores import mask_scores
from experiments.results.publish import targets_of
from experiments.results.record import read_run
from experiments.unsupervised import (
    CHOICES,
    PRESETS,
    TARGETS,
    main,
    pipeline,
    with_labels,
    with_task,
)
from experiments.unsupervised.figures import panels_of
from experiments.unsupervised.tasks import label_objective, label_sets, schedule_of, weights_at
from tests.small_models import binary_sets, small_model
from tests.stderr import said

LABEL_SCORES = {"accuracy", "accuracy_sampled", "best_accuracy", "nmi"}
BOUNDS = {"elbo_per_item", "elbo_at_argmax_per_item"}


def run(folder, *arguments):
    return main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1", *arguments])


def test_a_run_scores_labels_and_what_is_generated_and_draws_its_course(tmp_path):
    folder = tmp_path / "run"
    assert run(folder, "--gradient-keys", "3") == 0
    record = read_run(folder)
    assert record["experiment"] == "unsupervised-bw01-exact"
    assert record["command"] == (
        "python -m experiments.unsupervised --task bw01 --labels exact --preset smoke --seed 0 "
        "--gradient-keys 3"
    )
    assert set(record["scores"]) > LABEL_SCORES | BOUNDS | {"conditional_digit", "synthesis_joint"}
    for name in LABEL_SCORES:
        assert 0 <= record["scores"][name]["value"] <= 1
    assert sorted(record["details"]["order"]) == [0, 1]
    assert (folder / "course.png").exists()
    config = with_labels(with_task(PRESETS["smoke"], "bw01"), "exact")
    learner = weights.load(folder / weights.FILE)
    assert (learner.config, learner.binarisation) == (config.model, config.binarisation)
    check_course(RunFolder(folder).read_metrics(), config, "label network's loss")
    noise = record["details"]["gradient_noise"]
    assert list(noise) == ["initial", "halfway", "trained"]
    for moment, found in noise.items():
        ratio = found["gumbel"]["variance"] / found["exact"]["variance"]
        assert record["scores"][f"gradient_variance_{moment}"]["value"] == pytest.approx(ratio)
    assert len({found["exact"]["variance"] for found in noise.values()}) == 3


def test_uneven_labels_are_trained_on_in_their_shares_and_scored_evenly(tmp_path, monkeypatch):
    seen = []

    def watched(*arguments):
        seen.append(arguments)
        return mask_scores(*arguments)

    monkeypatch.setattr(pipeline, "mask_scores", watched)
    folder = tmp_path / "run"
    flags = ["--training.steps", "20", "--generation", "False"]
    assert run(folder, "--task", "rotated_3to1", *flags) == 0
    ((even, mixed, _, mix, log_prior),) = seen
    np.testing.assert_array_equal(even.masks.mean(axis=0), [0.5, 0.5])
    np.testing.assert_array_equal(mixed.masks.mean(axis=0), [0.75, 0.25])
    assert mix == [((1, 0), 3), ((0, 1), 1)]
    assert np.exp(log_prior).sum() == pytest.approx(1.0, abs=1e-5) and log_prior[0] != log_prior[1]
    record = read_run(folder)
    by_bound = {"accuracy_by_bound", "calibration_error", "share_error"}
    assert set(record["scores"]) == LABEL_SCORES | BOUNDS | by_bound
    assert record["oracle"] is None and not (folder.parent / "oracles").exists()
    confusion = sum(np.asarray(one["confusion"]) for one in RunFolder(folder).read_metrics())
    np.testing.assert_allclose(confusion.sum(axis=1) / confusion.sum(), [0.75, 0.25], atol=0.06)


def test_uneven_labels_are_scored_by_the_contrast_in_half_of_the_steps():
    config = with_labels(with_task(PRESETS["cpu"], "rotated_9to1"), "exact")
    assert (config.labels.responsibilities, config.labels.balance_decay) == ("contrast", None)
    assert config.training.steps == 2_500 and config.labels.temperature == 1.0
    assert config.mix == [((1, 0), 9), ((0, 1), 1)]
    published = with_labels(with_task(PRESETS["cpu"], "rotated"), "exact")
    assert published.labels.responsibilities == "objective" and published.training.steps == 5_000
    task = label_objective(config)
    assert isinstance(task.batch_objective.memory, LearnedPrior)


def test_a_drawn_label_is_trained_under_the_thesis_s_criterion(tmp_path):
    training = TrainingConfig(steps=4, batch_size=16, chunk_steps=2)
    config, task = label_task("bw_subsets", "gumbel", training=training, num_sets=32)
    with RunFolder.create_or_open(tmp_path) as folder:
        one = SeedTask(folder, 0, task, {})
        train([one], training, devices=choose_devices(1), stop=StopSignal())
        records = folder.read_metrics()
    check_course(records, config, "temperature")
    of_terms = weights_at(config, 2, 0)
    first = records[0]
    nats = first["kl_latent"] + sum(first["kl_varying"]) + sum(first["kl_constant"])
    criterion = first["reconstruction"] - float(of_terms.of("kl_latent")) * nats
    criterion -= float(of_terms.of("kl_label")) * first["kl_label"]
    assert first["loss"] == pytest.approx(-criterion, rel=1e-3)


def check_course(records, config, ninth):
    """The terms add up, every set is counted once, and there are ten panels."""
    panels = panels_of(records, config.support, schedule_of(config))
    assert len(panels) == 10
    assert [panel.title for panel in panels][-2:] == [ninth, "pseudo-accuracy"]
    for record in records:
        parts = record["kl_latent"] + sum(record["kl_varying"]) + sum(record["kl_constant"])
        parts += record["kl_label"]
        assert record["elbo"] == pytest.approx(record["reconstruction"] - parts, abs=2e-3)
        assert np.sum(record["confusion"]) == pytest.approx(1 / config.set_size)


def label_task(name, labels, **changes):
    config = with_labels(with_task(PRESETS["smoke"], name), labels)
    config = replace(config, image_size=8, **changes)
    images = of_classes(load_digits().train, (0, 1))
    model = ContextAwareLearner(config.model, (8, 8))
    return config, task_of(model, label_sets(config, images, 0), label_objective(config), 0)


def test_known_labels_are_visited_as_often_as_asked_and_no_other_is_told():
    config, task = label_task("rotated_100", "exact", known=10, num_sets=150)
    told = []
    data = jax.tree.map(jnp.asarray, task.data)
    draw = jax.jit(lambda visit: task.draw(jax.random.key(0), data, visit).data[1:])
    for visit in range(task.num_sets):
        a, is_known = draw(visit)
        row = task.data[0][visit]
        told.append(float(is_known))
        assert told[-1] == (row < 10)
        np.testing.assert_array_equal(a, task.data[1][1].constant_mask[row])
    assert np.mean(told) == pytest.approx(config.labels.known_share, abs=0.01)
    assert sorted(set(task.data[0].tolist())) == list(range(150))


def test_the_weights_end_at_the_bound():
    for labels, latent, contexts in (("exact", 2, 1), ("marginal", 100, 30)):
        annealed = with_labels(PRESETS["cpu"], labels)
        first, last = (weights_at(annealed, 1, step) for step in (0, 200_000))
        assert (first.of("kl_latent"), first.of("kl_varying")) == (latent, contexts)
        assert first.of("kl_label") == 1
        assert float(last.of("kl_latent")) == pytest.approx(1) == float(last.of("kl_constant"))
    heavy = weights_at(with_labels(PRESETS["cpu"], "gumbel"), 10, jnp.int32(19))
    assert float(heavy.of("kl_latent")) == pytest.approx(96)
    assert float(heavy.of("kl_label")) == pytest.approx(1 / 96)


def test_labels_do_not_depend_on_batch_mates_nor_on_the_order_of_items():
    model, _ = small_model(labels=PooledLabels(2))
    x, _ = binary_sets(3, 4)
    variables = init_variables(label_bounds, model, jax.random.key(0), x[0], jnp.eye(2))
    both = infer_labels(model, variables, x)
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(infer_labels(model, variables, x[1:2, ::-1]), both[1:2], rtol=1e-4)


def test_a_sampler_translates_labels_into_the_order_of_the_model():
    model, variables = small_model()
    x, labels = binary_sets(2, 4)
    key = jax.random.key(1)
    plain, turned = Sampler(model, variables, 4), Sampler(model, variables, 4, order=(1, 0))
    for a, b in ((labels[0], labels[1]), (labels[1], labels[0])):
        np.testing.assert_array_equal(
            plain.conditional(key, x, a).means, turned.conditional(key, x, b).means
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels.temperature", "0.0"], "labels.temperature must be positive"),
        (["--labels.balance-decay", "1.0"], "labels.balance_decay must be at least 0"),
        (["--labels.responsibilities", "luck"], "labels.responsibilities"),
        (
            ["--model.labels.num-labels", "3"],
            "model.labels.num_labels must be 2, the labels of task",
        ),
        (["--labels.responsibilities", "contrast"], "labels.balance_decay None"),
        (["--labels.bound-weight", "0"], "labels.bound_weight 0.0"),
        (["--known", "160"], "known must be 0 or more, and below num_sets"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path, capsys):
    assert run(tmp_path / "run", *arguments) == 2
    error = said(capsys)
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error


@pytest.mark.parametrize(
    ("name", "action", "task", "wrong"),
    [
        ("cpu-turning", Rotation, "rotated_100", "bw"),
        ("cpu-inverting", Inversion, "bw_subsets", "rotated"),
    ],
)
def test_a_preset_that_acts_is_for_tasks_where_sets_differ_so(name, action, task, wrong):
    config = with_labels(with_task(PRESETS[name], task), "exact")
    assert config.training.steps == (5_000 if config.known else 10_000)
    assert isinstance(config.model.contexts[1].action, action)
    assert config.model.constant_prior == config.model.varying_prior == Mixture(components=60)
    words = f"--task {wrong}: no set differs in .* {action.__name__}; accepted with it: .*{task}"
    with pytest.raises(InputError, match=words):
        with_task(PRESETS[name], wrong)


@pytest.mark.parametrize(
    ("words", "least"),
    [
        ("--task rotated_100 --labels gumbel --preset cpu", 0.98),
        ("--task rotated --preset cpu-turning --seed 3", 0.97),
        ("--preset cpu --labels gumbel --labels.criterion thesis", 0.995),
        ("--task rotated_10 --preset cpu", None),
        ("--preset cpu --training.steps 9", None),
        ("--preset cpu --held-back 100 --data-dir .", None),
        ("--preset smoke", None),
        ("--preset thesis", None),
    ],
)
def test_targets_are_of_the_published_presets_as_they_are(words, least):
    asked = program.request(
        "experiments.unsupervised", "D.", PRESETS, words.split(), choices=CHOICES
    )
    targets = None if least is None else {"accuracy": least}
    assert targets_of(asked, TARGETS.get(asked.config.task, {})) == targets


def test_turned_digits_are_read_by_the_oracle_of_the_learner_with_known_labels():
    assert with_task(PRESETS["cpu"], "rotated").oracle == rotated.PRESETS["cpu"].oracle
    assert with_task(PRESETS["cpu"], "rotated_100").oracle == rotated.PRESETS["cpu"].oracle
    assert with_task(PRESETS["cpu"], "bw").oracle == black_and_white.PRESETS["cpu"].oracle
    assert with_task(PRESETS["smoke"], "rotated").oracle == SMALL_ORACLE
