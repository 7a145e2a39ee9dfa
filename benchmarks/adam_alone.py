"""Measures the optimiser's share of a step, independent of the model's bound."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax

from benchmarks.timing import warm_milliseconds
from benchmarks.training import Training
from cal_jax.training import seeds
from cal_jax.training.parallel import parallel_chunk, replicate
from cal_jax.training.step import TrainState, packed

GRADIENT = 1e-3
"""Of every parameter, at every step."""


def adam_timer(
    training: Training, devices: Sequence[jax.Device], steps: int
) -> Callable[[], float]:
    """A function that takes steps of a training's optimiser alone, for milliseconds of one.

    Args:
        training: with the optimiser and the parameters.
        devices: where it runs; each updates parameters of its own, as in a step.
        steps: in a chunk, after one that is not timed.
    """
    optimiser = training.config.optimiser

    def step(state: TrainState, _: Any, gradients: Any, __: Any) -> tuple[TrainState, Any]:
        updates, opt_state = optimiser.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return state._replace(params=params, opt_state=opt_state), {}

    chunk = parallel_chunk(step, devices, "scan")
    initial = packed(training.initial)
    gradients = jax.tree.map(lambda leaf: np.full_like(leaf, GRADIENT), initial.params)
    state, gradients = replicate((initial, gradients), devices)
    key, rows = seeds.keys_of([0])[0], training.rows(steps)

    def take() -> None:
        nonlocal state
        state, _ = chunk(state, key, gradients, rows)
        jax.block_until_ready(state)

    return functools.partial(warm_milliseconds, take, steps)
