"""A step's loss is minus the criterion per item, written out from its terms: images."""

from dataclasses import replace

import numpy as np
import pytest

from cal_jax.data.digits import load_digits
from cal_jax.data.images import LabelledImages
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.config import Objective
from cal_jax.training.task import task_of
from experiments import (
    baselines,
    black_and_white,
    held_out_pairs,
    rotated,
    three_contexts,
    unsupervised,
)
from experiments.baselines import pipeline
from experiments.common.image_sets import training_sets
from experiments.common.known_labels import objective_of
from experiments.unsupervised.tasks import label_objective, label_sets
from tests.experiments import by_hand
from tests.experiments.one_step import BATCH, Stepper, loss_of
from tests.experiments.shrunk import SIZES, shrunk

ITEMS = 3
FEW = {"image_size": SIZES["image_size"], "num_sets": 16, "set_size": ITEMS}


@pytest.fixture(scope="module")
def images():
    train = load_digits().train
    return LabelledImages(train.images[:200], train.labels[:200])


def small(config, **changes):
    """A published preset whose networks and data are small: what it optimises stays."""
    training = replace(config.training, batch_size=BATCH)
    return replace(config, model=shrunk(config.model), training=training, **{**FEW, **changes})


def learner_of(config):
    return ContextAwareLearner(config.model, (config.image_size, config.image_size))


def known_labels(config, images):
    task = task_of(
        learner_of(config), training_sets(config, images, 0), objective_of(config), seed=0
    )
    return Stepper(task, config.training)


def inferred_labels(config, images):
    task = task_of(
        learner_of(config), label_sets(config, images, 0), label_objective(config), seed=0
    )
    return Stepper(task, config.training)


@pytest.fixture(scope="module")
def contrasted(images):
    """Steps of one experiment with known labels, by the steps taken before them."""
    stepper = known_labels(small(black_and_white.PRESETS["cpu"]), images)
    return {step: stepper.at(step) for step in (0, 10_000)}


def contrasted_loss(found, step):
    latent = by_hand.halved(2.0, 1.0, step, 10_000.0)
    kls = {"kl_latent": latent, "kl_varying": 1.0, "kl_constant": 1.0}
    labels = found["a"]
    contrast, dependence = by_hand.disagreement(found["posterior_means"], labels)
    assert (labels * contrast).sum() > 0
    said = 30.0 * labels * contrast + 100.0 * (1 - labels) * dependence
    want = by_hand.bound(found, kls) - said.sum(axis=1)
    return -want.sum() / (BATCH * ITEMS)


def test_known_labels_are_contrasted_and_annealed(contrasted):
    for step, (loss, found, changed, _) in contrasted.items():
        assert loss == pytest.approx(contrasted_loss(found, step), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)


@pytest.mark.parametrize("module", [rotated, held_out_pairs, three_contexts])
def test_every_experiment_with_known_labels_has_that_objective(module, contrasted):
    objective = objective_of(module.PRESETS["cpu"])
    assert objective.bound is objective_of(black_and_white.PRESETS["cpu"]).bound
    for step, (_, found, _, returned) in contrasted.items():
        loss = loss_of(objective, returned, step, BATCH * ITEMS)
        assert loss == pytest.approx(contrasted_loss(found, step), rel=3e-5)


def test_the_thesis_s_criterion_of_known_labels(images):
    """(6.13): omega R - (KLs) / omega^2, where alpha halves every 0.3 epochs."""
    stepper = known_labels(small(rotated.PRESETS["faithful"]), images)
    for step in (0, 4, 9):
        loss, found, *_ = stepper.at(step)
        omega = 1 + 0.5 ** ((step // 4) / 0.3)
        kls = dict.fromkeys(("kl_latent", "kl_varying", "kl_constant"), omega**-2)
        want = by_hand.bound(found, kls, omega)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)


def test_every_label_is_weighed_and_contrasted(images):
    cpu = unsupervised.with_task(unsupervised.PRESETS["cpu"], "bw")
    stepper = inferred_labels(small(unsupervised.with_labels(cpu, "exact")), images)
    for step in (0, 4_000):
        loss, found, changed, _ = stepper.at(step)
        latent = by_hand.halved(2.0, 1.0, step, 4_000.0)
        kls = {"kl_latent": latent, "kl_varying": 1.0, "kl_constant": 1.0}
        want = by_hand.every_label(found, kls, np.eye(2), 5.0, 30.0)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)


def test_uneven_labels_are_scored_by_the_contrast(images):
    cpu = unsupervised.with_task(unsupervised.PRESETS["cpu"], "rotated_3to1")
    stepper = inferred_labels(small(unsupervised.with_labels(cpu, "exact")), images)
    loss, found, *_ = stepper.at(0)
    kls = {"kl_latent": 2.0, "kl_varying": 1.0, "kl_constant": 1.0}
    want = by_hand.by_contrast(found, kls, np.eye(2), 30.0)
    assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)


def test_a_drawn_label_has_the_thesis_s_criterion(images):
    """(6.14): R - omega (KLs) - KL of the label / omega, omega = 1 + 100 x 0.95^epoch."""
    cpu = unsupervised.with_task(unsupervised.PRESETS["cpu"], "rotated_100")
    cpu = replace(unsupervised.with_labels(cpu, "gumbel"), known=8)
    stepper = inferred_labels(small(cpu), images)
    task = stepper.task
    told = (task.data[0][:BATCH] < 8).tolist()
    assert told == [True, False, False, False]
    for step in (0, 2_000):
        loss, found, *_ = stepper.at(step)
        (temperature,) = task.at_step(step)
        assert temperature == pytest.approx(0.5 ** (step / 4_000))
        omega = 1 + 100 * 0.95 ** (step // stepper.per_epoch)
        kls = dict.fromkeys(("kl_latent", "kl_varying", "kl_constant"), omega)
        network = -(found["truth"] * np.log(by_hand.softmax(found["logits"]))).sum(axis=1)
        assert found["is_known"].tolist() == told
        want = by_hand.bound(found, {**kls, "kl_label": 1 / omega}) - found["is_known"] * network
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)


@pytest.mark.parametrize("name", ["statistician", "vae"])
def test_baselines_have_their_bound_and_the_statistician_its_schedule(name, images):
    """(5.14): omega R - (KLs) / omega for the statistician; the bound for the others."""
    cpu = baselines.PRESETS["cpu"]
    config = baselines.with_model(small(cpu, num_sets=32), name)
    model, objective = pipeline.model_of(config), Objective(pipeline.objective_of(config))
    task = task_of(model, pipeline.visible_sets(config, images, 0), objective, seed=0)
    stepper = Stepper(task, config.training)
    for step in (0, 2 * stepper.per_epoch + 1):
        loss, found, changed, _ = stepper.at(step)
        omega = 1 + (name == "statistician") * 0.5 ** (step // stepper.per_epoch)
        kls = {term: 1 / omega for term in found if term.startswith("kl_")}
        want = by_hand.bound(found, kls, omega)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)
