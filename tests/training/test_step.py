"""The step: what it optimises, on one device and on two."""

import functools
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError
from cal_jax.inference.mapping import map_objective
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.neural_statistician import NeuralStatisticianTerms
from cal_jax.objectives.weighting import Weights, halving_weights, weighted_objective
from cal_jax.training.batches import batch_rows, steps_per_epoch
from cal_jax.training.parallel import (
    choose_devices,
    divide,
    parallel_chunk,
    replicate,
    unreplicate,
)
from cal_jax.training.step import DataSet, StepConfig, initial_state, packed, train_step
from tests.small_models import CONVOLUTIONAL, binary_sets, small_model

NUM_SETS = 16
ROWS = np.stack([np.random.default_rng(step).permutation(NUM_SETS) for step in range(3)])


def draw(key, data, row):
    """Unequal sets: set i counts its first 1 + i % 3 items."""
    x, labels = data
    mask = (jnp.arange(x.shape[1]) <= row % 3).astype(jnp.float32)
    return DataSet((x[row], labels[row]), mask)


def training(num_devices, *, form="calls", optimiser=None, weights=None, network=None):
    """What starts steps, and what it is given but the rows."""
    model, variables = small_model(**(network or {}))
    variables = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), variables)  # double in x64
    optimiser = optimiser or optax.sgd(1.0)
    config = StepConfig(
        map_objective(context_aware_elbo, model, extra_axes=(DEVICE,)),
        weighted_objective,
        weights or (lambda step: Weights()),
        draw,
        optimiser,
        samples=2,
    )
    devices = choose_devices(num_devices)
    chunk = parallel_chunk(functools.partial(train_step, config), devices, form)
    state = replicate(packed(jax.device_get(initial_state(variables, optimiser))), devices)
    data = replicate(binary_sets(NUM_SETS, 3), devices)
    return chunk, (state, jax.random.key(7), data)


def run(num_devices, *, rows=ROWS, **options):
    chunk, given = training(num_devices, **options)
    state, read = chunk(*given, rows)
    return unreplicate(state), read()


def assert_equal_to(got, want, tolerance):
    def check(leaf, other):
        np.testing.assert_allclose(
            leaf, other, rtol=tolerance, atol=tolerance * (1 + np.abs(other).max())
        )

    jax.tree.map(check, got, want)


@pytest.mark.parametrize("network", [{}, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_two_devices_give_the_loss_gradient_and_statistics_of_one(network):
    """SGD with rate 1 from equal parameters: the step is minus the gradient.

    In double precision: in single precision one of the many activations may lie so near to
    the rectifier's kink that two devices round it to the side where one device has it not.
    """
    with jax.enable_x64(True):
        one, two = (run(n, rows=ROWS[:1], network=network) for n in (1, 2))
    assert_equal_to(two[0].params, one[0].params, 1e-12)
    assert_equal_to(two[0].batch_stats, one[0].batch_stats, 1e-12)
    assert_equal_to(two[1], one[1], 1e-12)


def test_a_scan_takes_the_steps_that_calls_take():
    adam = optax.adam(1e-2)
    calls, scan = run(1, optimiser=adam), run(1, form="scan", optimiser=adam)
    assert calls[0].step == scan[0].step == len(ROWS)
    assert_equal_to(scan[0].params, calls[0].params, 1e-4)
    assert calls[1]["loss"].shape == scan[1]["loss"].shape == (len(ROWS),)
    assert calls[1]["kl_constant"].shape == (len(ROWS), 2)


def test_the_loss_is_minus_the_criterion_per_item_of_the_batch():
    _, metrics = run(1, rows=ROWS[:1])
    parts = metrics["reconstruction"] - metrics["kl_latent"]
    parts = parts - metrics["kl_varying"].sum(-1) - metrics["kl_constant"].sum(-1)
    np.testing.assert_allclose(metrics["elbo"], parts, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], -metrics["elbo"], rtol=1e-5)
    # per item: a pixel cannot cost more than its own coin, so 64 of them say what "per item" is
    assert 0 < metrics["loss"][0] < 64 * 3


def test_weights_change_the_loss_and_not_the_reported_bound():
    weights = Weights(2.0, {"kl_latent": 0.25, "kl_varying": 0.5, "kl_constant": 0.125})
    _, plain = run(1, rows=ROWS[:1])
    _, weighted = run(1, rows=ROWS[:1], weights=lambda step: weights)
    np.testing.assert_allclose(weighted["elbo"], plain["elbo"], rtol=1e-5)
    want = -(
        2.0 * plain["reconstruction"]
        - 0.25 * plain["kl_latent"]
        - 0.5 * plain["kl_varying"].sum(-1)
        - 0.125 * plain["kl_constant"].sum(-1)
    )
    np.testing.assert_allclose(weighted["loss"], want, rtol=1e-5)


def test_the_thesis_s_weights_halve_alpha_every_epoch():
    """(6.13) and decision 13: omega = 1 + alpha, alpha 1, 1/2, 1/4, ...; KLs by 1 / omega^2."""
    for epoch, omega in ((0, 2.0), (1, 1.5), (2, 1.25), (30, 1.0)):
        weights = halving_weights(epoch)
        np.testing.assert_allclose(weights.reconstruction, omega, rtol=1e-6)
        np.testing.assert_allclose(weights.of("kl_latent"), omega**-2, rtol=1e-6)
    np.testing.assert_allclose(halving_weights(0, kl_power=1).kl, 0.5)


def test_one_weight_serves_every_kl_and_a_term_not_named_keeps_1():
    terms = NeuralStatisticianTerms(*map(jnp.asarray, (0.0, -3.0, 2.0)), jnp.array([5.0, 7.0]))
    np.testing.assert_allclose(weighted_objective(terms, Weights(2.0, 0.5)), -13.0)
    np.testing.assert_allclose(weighted_objective(terms, Weights(kl={"kl_context": 4.0})), -23.0)
    with pytest.raises(InputError, match=r"weight of kl_latent: no such term.*kl_context"):
        weighted_objective(terms, Weights(kl={"kl_latent": 4.0}))


def test_free_bits_are_those_of_each_kl_that_cost_nothing():
    terms = NeuralStatisticianTerms(*map(jnp.asarray, (0.0, -3.0, 2.0)), jnp.array([5.0, 1.0]))
    criterion = functools.partial(weighted_objective, weights=Weights(2.0, 0.5, free_bits=2.5))
    value, gradient = jax.value_and_grad(criterion)(terms)
    np.testing.assert_allclose(value, -6.0 - 0.5 * (2.5 + 5.0 + 2.5))
    np.testing.assert_allclose(gradient.kl_context, 0.0)
    np.testing.assert_allclose(gradient.kl_latents, [-0.5, 0.0])


def test_rows_are_a_function_of_seed_and_step():
    whole = batch_rows(3, 10, 3, 0, 9)
    assert whole.shape == (9, 3)
    assert whole.dtype == np.int32
    pieces = [batch_rows(3, 10, 3, start, stop) for start, stop in ((0, 2), (2, 7), (7, 9))]
    assert np.array_equal(np.concatenate(pieces), whole)
    for epoch in range(3):
        assert len(set(whole[3 * epoch : 3 * epoch + 3].reshape(-1))) == 9  # no set twice
    assert not np.array_equal(whole[:3], whole[3:6])
    assert not np.array_equal(whole, batch_rows(4, 10, 3, 0, 9))


def test_bad_divisions_are_named():
    with pytest.raises(InputError, match="does not divide over 2 devices"):
        divide(np.zeros((1, 3), np.int32), 2)
    with pytest.raises(InputError, match="accepted are 1 to 2"):
        choose_devices(3)
    with pytest.raises(InputError, match="batch_size"):
        steps_per_epoch(4, 5)
    with pytest.raises(InputError, match="'calls' or 'scan'"):
        parallel_chunk(lambda *_: None, choose_devices(1), "loop")


def test_the_step_is_traced_once():
    traces = []

    def counting(key, data, row):
        traces.append(1)
        return draw(key, data, row)

    model, variables = small_model()
    optimiser = optax.sgd(0.1)
    config = StepConfig(
        map_objective(context_aware_elbo, model, extra_axes=(DEVICE,)),
        weighted_objective,
        lambda step: halving_weights(step // 2),
        counting,
        optimiser,
    )
    devices = choose_devices(1)
    chunk = parallel_chunk(functools.partial(train_step, config), devices, "calls")
    state = replicate(packed(jax.device_get(initial_state(variables, optimiser))), devices)
    data = replicate(binary_sets(NUM_SETS, 3), devices)
    for _ in range(3):
        state, _ = chunk(state, jax.random.key(7), data, ROWS)
    assert len(traces) == 1


def test_a_state_that_is_not_packed_is_refused():
    state = initial_state({"params": {"bias": jnp.zeros(3)}}, optax.sgd(0.1))
    with pytest.raises(InputError, match=r"packed\(state\)"):
        train_step(None, state, None, None, None)


@pytest.mark.parametrize("form", ["calls", "scan"])
def test_devices_send_messages_and_one_alone_sends_none(form):
    def messages(num_devices):
        chunk, given = training(num_devices, form=form)
        program = chunk.lower(*given, ROWS).as_text()
        return len(re.findall(r"stablehlo\.(?:all_reduce|all_gather|collective)", program))

    assert messages(2) > 0
    assert messages(1) == 0


def test_the_program_of_a_chunk_is_the_one_that_runs():
    chunk, given = training(2, form="scan")
    program = chunk.lower(*given, ROWS).compile()
    rows = (divide(ROWS, 2), np.int32(len(ROWS)))
    state, _ = program(*given, *rows)
    want, _ = run(2, form="scan")
    jax.tree.map(np.testing.assert_array_equal, unreplicate(state), want)


class Square(NamedTuple):
    elbo: jax.Array
