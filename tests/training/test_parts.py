"""A batch taken in parts, or with its forward pass recomputed, is the same step."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError
from cal_jax.inference.mapping import map_objective
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.vae import vae_elbo
from cal_jax.objectives.weighting import Weights, weighted_objective
from cal_jax.training.config import TrainingConfig
from cal_jax.training.parallel import choose_devices, parallel_chunk, replicate, unreplicate
from cal_jax.training.step import DataSet, StepConfig, initial_state, packed, recomputed, train_step
from tests.models.test_vae import made
from tests.small_models import CONVOLUTIONAL, binary_sets, small_model
from tests.training.toy_task import toy_task

ROWS = np.arange(8, dtype=np.int32)[None]


def step_of(config, variables, data, devices=1):
    """(the state after one step of plain gradient descent, its metrics)."""
    devices = choose_devices(devices)
    chunk = parallel_chunk(functools.partial(train_step, config), devices, "calls")
    state = replicate(packed(jax.device_get(initial_state(variables, config.optimiser))), devices)
    state, read = chunk(state, jax.random.key(7), replicate(data, devices), ROWS)
    return unreplicate(state), read()


def toy_step(devices=1, **options):
    """Of sets of one, two and three items: the parts hold unequal numbers of them."""
    task = toy_task(0, masked=True)
    config = StepConfig(
        task.mapped,
        task.criterion,
        lambda _: Weights(2.0, 0.5),
        task.draw,
        optax.sgd(1.0),
        samples=2,
        **options,
    )
    return step_of(config, task.init(), task.data, devices)


def autoencoder_step(**options):
    """Of an autoencoder of images, without batch normalisation."""
    model, variables = made(hidden=Hidden(norm="layer"))
    images = (np.random.default_rng(0).random((8, 4, 4)) < 0.4).astype(np.float32)
    config = StepConfig(
        map_objective(vae_elbo, model, extra_axes=(DEVICE,)),
        weighted_objective,
        lambda _: Weights(),
        lambda _, data, row: DataSet((data[row],)),
        optax.sgd(1.0),
        of_sets=False,
        **options,
    )
    return step_of(config, variables, images)


def assert_close(got, want, tolerance):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), got, want
    )


@pytest.mark.parametrize(("parts", "devices"), [(4, 1), (2, 2)])
def test_parts_of_unequal_sets_add_up_to_the_step_of_the_batch(parts, devices):
    whole, in_parts = toy_step(), toy_step(devices, accumulate=parts)
    assert_close(in_parts[0].params, whole[0].params, 1e-5)
    assert_close(in_parts[1], whole[1], 1e-5)


def test_running_averages_pass_from_part_to_part():
    """0.9 m + 0.1 x, twice, with each half's own mean."""
    x = toy_task(0).data[0] + 1.0
    counted = np.arange(3)[None] <= (np.arange(8) % 3)[:, None]
    want = np.zeros(2)
    for half in (slice(0, 4), slice(4, 8)):
        mask = counted[half][..., None]
        want = 0.9 * want + 0.1 * (x[:8][half] * mask).sum((0, 1)) / mask.sum()
    state, _ = toy_step(accumulate=2)
    np.testing.assert_allclose(state.batch_stats["average"], want, rtol=1e-5)


def test_a_model_with_layer_normalisation_takes_the_same_step_in_parts_and_recomputed():
    plain, changed = autoencoder_step(), autoencoder_step(accumulate=4, remat=True)
    assert_close(changed[0].params, plain[0].params, 1e-5)
    assert_close(changed[1], plain[1], 1e-5)


def kept_bytes(mapped, variables, images):
    """What a forward pass leaves for its gradient."""

    def forward(params, statistics, keys, x):
        def total(params):
            given = {"params": params, "batch_stats": statistics}
            return jnp.sum(mapped(given, keys, x, mask=None)[0].elbo)

        return jax.vjp(total, params)[1]

    keys = jax.random.split(jax.random.key(0), (len(images), 1))
    over_devices = jax.vmap(forward, in_axes=(None, None, None, 0), axis_name=DEVICE)
    left = jax.eval_shape(
        over_devices, variables["params"], variables["batch_stats"], keys, images[None]
    )
    sizes = [math.prod(leaf.shape) for leaf in jax.tree.leaves(left)]
    return 4 * sum(sizes)


def test_recomputing_keeps_the_products_of_the_forward_pass_and_little_else():
    """Of a convolutional model: with all but the convolutions' outputs it would be a twelfth."""
    model, variables = small_model(**CONVOLUTIONAL)
    x, labels = (jnp.asarray(array) for array in binary_sets(16, 10))
    mapped = map_objective(context_aware_elbo, model, extra_axes=(DEVICE,))

    def of_labels(mapped):
        return lambda given, keys, x, mask: mapped(given, keys, x, labels, mask=mask)

    plain = kept_bytes(of_labels(mapped), variables, x)
    products = kept_bytes(of_labels(recomputed(mapped)), variables, x)
    assert 0.2 * plain < products < 0.6 * plain


def test_parts_that_do_not_divide_are_named():
    with pytest.raises(InputError, match=r"training\.accumulate must divide the batch of 32"):
        TrainingConfig(accumulate=5)
    with pytest.raises(InputError, match=r"training\.accumulate 8: .* the 4 data sets of a device"):
        toy_step(2, accumulate=8)
