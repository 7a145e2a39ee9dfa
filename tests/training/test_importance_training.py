"""Training on an importance-weighted bound: its samples are reduced, not averaged."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.axes import DEVICE
from cal_jax.inference.mapping import dataset_keys, map_objective
from cal_jax.models.stop_gradient import StopGradientCopy
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.gradient_estimators import dreg_bound, vae_dreg_log_weights
from cal_jax.objectives.importance import ImportanceTerms, importance_weighted, vae_log_weight
from cal_jax.objectives.weighting import Weights, unweighted
from cal_jax.training.parallel import choose_devices, parallel_chunk, replicate, unreplicate
from cal_jax.training.step import (
    DataSet,
    StepConfig,
    independent_sets,
    initial_state,
    packed,
    train_step,
)
from tests.models.test_vae import made

SAMPLES, BATCH = 4, 6
IMAGES = (np.random.default_rng(0).random((BATCH, 4, 4)) < 0.4).astype(np.float32)
ROWS = np.tile(np.arange(BATCH, dtype=np.int32), (30, 1))
ESTIMATORS = {
    "plain": (vae_log_weight, lambda model: model, importance_weighted),
    "dreg": (vae_dreg_log_weights, StopGradientCopy, dreg_bound),
}


def run(estimator, rows):
    model, variables = made(hidden=Hidden(norm="layer"))
    objective, wrap, bound = ESTIMATORS[estimator]
    optimiser = optax.adam(1e-2)
    config = StepConfig(
        map_objective(objective, wrap(model), extra_axes=(DEVICE,)),
        unweighted,
        lambda step: Weights(),
        lambda key, images, row: DataSet((images[row],)),
        optimiser,
        SAMPLES,
        of_sets=False,
        batch_objective=independent_sets(lambda weights: ImportanceTerms(bound(weights))),
    )
    devices = choose_devices(1)
    chunk = parallel_chunk(functools.partial(train_step, config), devices, "scan")
    state = replicate(packed(jax.device_get(initial_state(variables, optimiser))), devices)
    state, read = chunk(state, jax.random.key(5), replicate(IMAGES, devices), rows)
    return model, variables, unreplicate(state), read()


@pytest.mark.parametrize("estimator", list(ESTIMATORS))
def test_the_bound_of_several_samples_is_what_is_optimised(estimator):
    model, variables, _, metrics = run(estimator, ROWS)
    _, key_noise = jax.random.split(jax.random.fold_in(jax.random.key(5), 0))
    keys = dataset_keys(key_noise, 0, BATCH, SAMPLES)
    mapped = jax.jit(map_objective(vae_log_weight, model))
    weights, _ = mapped(variables, keys, jnp.asarray(IMAGES))
    want = importance_weighted(weights).mean()
    np.testing.assert_allclose(metrics["elbo"][0], want, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"][0], -want, rtol=1e-5)
    assert want > weights.mean()  # the mean of the samples is another, looser bound
    assert metrics["elbo"][-5:].mean() > metrics["elbo"][:5].mean() + 0.1
