"""The optimiser of each published preset: Adam, whose rate falls where the preset says so."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cal_jax.training.config import TrainingConfig, optimiser_of
from experiments import (
    baselines,
    black_and_white,
    held_out_pairs,
    rotated,
    spatial_mnist,
    synthetic_sets,
    three_contexts,
    unsupervised,
    vae_mnist,
)

FALLS = {
    "baselines": (baselines, "cpu", 2e-3),
    "black_and_white": (black_and_white, "cpu", 2e-3),
    "held_out_pairs": (held_out_pairs, "cpu", 2e-3),
    "rotated": (rotated, "cpu", 2e-3),
    "spatial_mnist": (spatial_mnist, "cpu", 1e-3),
    "synthetic_sets": (synthetic_sets, "cpu", 1e-3),
    "three_contexts": (three_contexts, "cpu", 2e-3),
    "unsupervised": (unsupervised, "cpu", 1e-3),
    "vae_mnist": (vae_mnist, "cpu", 1e-3),
}
STANDS = {
    "synthetic_sets thesis": (synthetic_sets, "thesis", 1e-3),
    "vae_mnist thesis": (vae_mnist, "thesis", 1e-3),
}


def rate_at(training, step):
    """By how much Adam moves a parameter whose gradient was always the same."""
    optimiser, gradient = optimiser_of(training), jnp.float32(0.25)
    state = optimiser.init(gradient)
    counted = optax.tree.map_params(
        optimiser, lambda leaf: leaf, state, transform_non_params=lambda _: jnp.int32(step)
    )
    # Far from the start the moments' own start is forgotten: they are the gradient's.
    adam = [part for part in _flat(counted) if isinstance(part, optax.ScaleByAdamState)]
    assert len(adam) == 1
    kept = 1 - np.array([0.9, 0.999]) ** step
    steady = adam[0]._replace(mu=gradient * kept[0], nu=gradient**2 * kept[1])
    update, _ = optimiser.update(gradient, _swapped(counted, steady))
    return -float(update)


def _flat(state):
    if isinstance(state, tuple) and not hasattr(state, "_fields"):
        return [part for inner in state for part in _flat(inner)]
    return [state]


def _swapped(state, adam):
    if isinstance(state, optax.ScaleByAdamState):
        return adam
    if isinstance(state, tuple) and not hasattr(state, "_fields"):
        return tuple(_swapped(inner, adam) for inner in state)
    return state


@pytest.mark.parametrize("name", FALLS)
def test_the_rate_falls_along_a_cosine_to_a_fiftieth(name):
    module, preset, rate = FALLS[name]
    training = module.PRESETS[preset].training
    steps = training.steps
    for step in (0, steps // 4, steps // 2, steps - 1, steps, 2 * steps):
        done = min(step / steps, 1.0)
        want = rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))
        assert rate_at(training, step) == pytest.approx(want, rel=1e-3)


@pytest.mark.parametrize("name", STANDS)
def test_the_thesis_s_rate_stays_as_it_is(name):
    module, preset, rate = STANDS[name]
    training = module.PRESETS[preset].training
    for step in (0, training.steps // 2, training.steps):
        assert rate_at(training, step) == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_gradients_are_clipped_before_adam(clip):
    optimiser = optimiser_of(TrainingConfig(learning_rate=0.1, clip=clip))
    state = optimiser.init(jnp.float32(0.0))
    first, second = 0.0, 0.0
    for step, gradient in enumerate((5.0, 0.25, -3.0), start=1):
        update, state = optimiser.update(jnp.float32(gradient), state)
        seen = gradient if clip is None else np.clip(gradient, -clip, clip)
        first, second = 0.9 * first + 0.1 * seen, 0.999 * second + 0.001 * seen**2
        want = -0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        assert float(update) == pytest.approx(want, rel=1e-4)
    assert (clip is None) or spatial_mnist.PRESETS["thesis"].training.clip == clip
