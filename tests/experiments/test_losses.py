"""A step's loss is minus the criterion per item, written out from its terms: images."""

from dataclasses import replace

import numpy as np
import pytest
from cal_jax.models.context_aware.learner.learner import ContextAwareLearner

from cal_jax.data.digits import load_digits
from cal_jax.data.images import LabelledImages
from experiments import (
    baselines,
    black_and_white,
    held_out_pairs,
    rotated,
    three_contexts,
    unsupervised,
)
from experiments.baselines.pipeline import model_of
from experiments.baselines.pipeline import training_task as baseline_task
from experiments.common.known_labels import training_task
from experiments.unsupervised.tasks import label_task
from tests.experiments import by_hand
from tests.experiments.one_step import BATCH, Stepper

NETWORK = {
    "image_size": 8,
    "image_network": "dense",
    "depth": 1,
    "dense_width": 8,
    "statistic_width": 8,
    "inference_width": 8,
    "context_dim": 5,
    "latent_dim": 2,
    "norm": "none",
}
ITEMS = 3
FEW = {"num_sets": 16, "set_size": ITEMS}


@pytest.fixture(scope="module")
def images():
    train = load_digits().train
    return LabelledImages(train.images[:200], train.labels[:200])


def small(config, **changes):
    """A published preset whose networks and data are small: what it optimises stays."""
    training = replace(config.training, batch_size=BATCH)
    model = replace(config.model, **NETWORK, **changes)
    return replace(config, model=model, training=training, **FEW)


@pytest.mark.parametrize("module", [black_and_white, rotated, held_out_pairs, three_contexts])
def test_known_labels_are_contrasted_and_annealed(module, images):
    config = small(module.PRESETS["cpu"], prior_components=3)
    stepper = Stepper(
        training_task(config, ContextAwareLearner(config.model), images, 0), config.training
    )
    for step in (0, 10_000):
        loss, found, changed = stepper.at(step)
        latent = by_hand.halved(2.0, 1.0, step, 10_000.0)
        kls = {"kl_latent": latent, "kl_varying": 1.0, "kl_constant": 1.0}
        labels = found["a"]
        contrast, dependence = by_hand.disagreement(found["posterior_means"], labels)
        said = 30.0 * labels * contrast + 100.0 * (1 - labels) * dependence
        want = by_hand.bound(found, kls) - said.sum(axis=1)
        assert (labels * contrast).sum() > 0
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)


def test_the_thesis_s_criterion_of_known_labels(images):
    """(6.13): omega R - (KLs) / omega^2, where alpha halves every 0.3 epochs."""
    config = small(rotated.PRESETS["faithful"])
    stepper = Stepper(
        training_task(config, ContextAwareLearner(config.model), images, 0), config.training
    )
    for step in (0, 4, 9):
        loss, found, _ = stepper.at(step)
        omega = 1 + 0.5 ** ((step // 4) / 0.3)
        kls = dict.fromkeys(("kl_latent", "kl_varying", "kl_constant"), omega**-2)
        want = by_hand.bound(found, kls, omega)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)


def test_every_label_is_weighed_and_contrasted(images):
    cpu = unsupervised.with_task(unsupervised.PRESETS["cpu"], "bw")
    widths = {"label_pre_width": 8, "label_post_width": 8, "prior_components": 3}
    config = small(unsupervised.with_labels(cpu, "exact"), **widths)
    stepper = Stepper(
        label_task(config, ContextAwareLearner(config.model), images, 0), config.training
    )
    for step in (0, 4_000):
        loss, found, changed = stepper.at(step)
        latent = by_hand.halved(2.0, 1.0, step, 4_000.0)
        kls = {"kl_latent": latent, "kl_varying": 1.0, "kl_constant": 1.0}
        want = by_hand.every_label(found, kls, np.eye(2), 5.0, 30.0)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)


def test_a_drawn_label_has_the_thesis_s_criterion(images):
    """(6.14): R - omega (KLs) - KL of the label / omega, omega = 1 + 100 x 0.95^epoch."""
    cpu = unsupervised.with_task(unsupervised.PRESETS["cpu"], "rotated_100")
    cpu = replace(unsupervised.with_labels(cpu, "gumbel"), known=8)
    config = small(cpu, label_pre_width=8, label_post_width=8)
    task = label_task(config, ContextAwareLearner(config.model), images, 0)
    stepper = Stepper(task, config.training)
    told = (task.data[0][:BATCH] < 8).tolist()
    assert told == [True, False, False, False]
    for step in (0, 2_000):
        loss, found, _ = stepper.at(step)
        (temperature,) = task.at_step(step)
        assert temperature == pytest.approx(0.5 ** (step / 4_000))
        omega = 1 + 100 * 0.95 ** (step // stepper.per_epoch)
        kls = dict.fromkeys(("kl_latent", "kl_varying", "kl_constant"), omega)
        network = -(found["truth"] * np.log(by_hand.softmax(found["logits"]))).sum(axis=1)
        assert found["is_known"].tolist() == told
        want = by_hand.bound(found, {**kls, "kl_label": 1 / omega}) - found["is_known"] * network
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)


@pytest.mark.parametrize("name", ["statistician", "ml_vae", "vae"])
def test_baselines_have_their_bound_and_the_statistician_its_schedule(name, images):
    """(5.14): omega R - (KLs) / omega for the statistician; the bound for the others."""
    widths = {key: size for key, size in NETWORK.items() if key != "image_network"}
    cpu = baselines.PRESETS["cpu"]
    cpu = replace(
        cpu,
        model=replace(cpu.model, **widths),
        training=replace(cpu.training, batch_size=BATCH),
        num_sets=32,
        set_size=ITEMS,
    )
    config = baselines.with_model(cpu, name)
    stepper = Stepper(baseline_task(config, model_of(config), images, 0), config.training)
    for step in (0, 2 * stepper.per_epoch + 1):
        loss, found, changed = stepper.at(step)
        omega = 1 + (name == "statistician") * 0.5 ** (step // stepper.per_epoch)
        kls = {term: 1 / omega for term in found if term.startswith("kl_")}
        want = by_hand.bound(found, kls, omega)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(2e-3, rel=1e-3)
