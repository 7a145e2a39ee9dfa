"""A step's loss is minus the criterion per item, written out from its terms: the autoencoder,
and the statisticians of points and of numbers."""

from dataclasses import replace

import pytest

from cal_jax.data.digits import load_digits
from cal_jax.data.images import LabelledImages
from cal_jax.models.statistician import NeuralStatistician
from cal_jax.models.vae import VAE
from cal_jax.training.source import set_source
from cal_jax.training.task import objective_of, task_of
from experiments import spatial_mnist, synthetic_sets, vae_mnist
from experiments.spatial_mnist import pipeline as spatial
from experiments.synthetic_sets import pipeline as synthetic
from experiments.vae_mnist import pipeline as autoencoder
from tests.experiments import by_hand
from tests.experiments.one_step import BATCH, Stepper
from tests.experiments.shrunk import shrunk

ITEMS = 3


@pytest.fixture(scope="module")
def images():
    train = load_digits().train
    return LabelledImages(train.images[:16], train.labels[:16])


def small(config, **changes):
    """A published preset whose networks and sets are small: what it optimises stays."""
    model = shrunk(config.model, width=16, latent_dim=config.model.latent_dim, layers=2)
    training = replace(config.training, batch_size=BATCH)
    return replace(config, model=model, training=training, set_size=ITEMS, **changes)


def stepper_of(model, sets, training, shake=0.3):
    """Of the model's own objective."""
    objective = objective_of(model, None, training.steps)
    return Stepper(task_of(model, set_source(sets, model), objective, seed=0), training, shake)


def assert_statistician_s(stepper, rate):
    """(5.14): omega R - (KLs) / omega, omega = 1 + alpha, which halves every epoch from 1."""
    for step in (0, stepper.per_epoch, 2 * stepper.per_epoch + 1):
        loss, found, changed, _ = stepper.at(step)
        omega = 1 + 0.5 ** (step // stepper.per_epoch)
        kls = {"kl_context": 1 / omega, "kl_latents": 1 / omega}
        assert found["kl_latents"].shape == (BATCH, 2)
        want = by_hand.bound(found, kls, omega)
        assert loss == pytest.approx(-want.sum() / (BATCH * ITEMS), rel=3e-5)
        assert changed == pytest.approx(rate, rel=1e-3)


def test_spatial_mnist(images):
    config = small(spatial_mnist.PRESETS["thesis"])
    sets = spatial.training_sets(config, images)
    model = NeuralStatistician(config.model, (2,))
    assert_statistician_s(stepper_of(model, sets, config.training, shake=0.1), 1e-3)


def test_synthetic_sets():
    config = small(synthetic_sets.PRESETS["thesis"], num_sets=16)
    sets = synthetic.training_sets(config, 0)
    model = NeuralStatistician(config.model, (1,))
    assert_statistician_s(stepper_of(model, sets.x, config.training, shake=0.1), 1e-3)


@pytest.mark.parametrize("preset", ["thesis", "best"])
def test_vae_mnist_has_the_bound_of_each_image(preset, images):
    config = vae_mnist.PRESETS[preset]
    training = replace(config.training, batch_size=BATCH)
    sets = autoencoder.training_images(images, "dynamic", 0)
    stepper = stepper_of(VAE(shrunk(config.model), images.images.shape[1:]), sets, training)
    for step in (0, 2 * stepper.per_epoch):
        loss, found, changed, _ = stepper.at(step)
        want = by_hand.bound(found, {"kl_latent": 1.0})
        assert loss == pytest.approx(-want.sum() / BATCH, rel=3e-5)
        assert changed == pytest.approx(1e-3, rel=1e-3)
