"""One step of training of an experiment's task, and what its objective said of each set."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.inference.mapping import ONCE
from cal_jax.training.batches import steps_per_epoch
from cal_jax.training.loop import step_config
from cal_jax.training.step import BatchObjective, initial_state, packed, train_step, unpacked

BATCH = 4


class Step(NamedTuple):
    """Of one seed, on one device."""

    loss: float
    found: dict
    """The objective's own values, [B, ...]."""
    changed: float
    """By how much the parameter that moved most did."""
    returned: Any
    """What ``found`` is of, as the objective returned it, [1, B, S, ...] with a leading device."""


class Stepper:
    """Takes a task's first step, as if it were a later one.

    Args:
      task: of an experiment.
      training: its config, with batches of ``BATCH``.
      shake: standard deviation of what is added to its first parameters.
    """

    def __init__(self, task, training, shake=0.3):
        self.task = task
        self.per_epoch = steps_per_epoch(task.num_sets, training.batch_size)
        self.config = step_config(task, training, self.per_epoch, False)
        variables = shaken(task.init(), shake)
        self.state = initial_state(variables, self.config.optimiser, task.batch_objective.memory)
        self.data = jax.tree.map(jnp.asarray, task.data)

    def at(self, step):
        """The step that comes after so many others."""
        state = packed(self.state._replace(step=jnp.int32(step)))
        following, metrics = self._program(state, self.data, jnp.arange(BATCH)[None])
        after = unpacked(jax.tree.map(lambda leaf: leaf[0], following)).params
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), after, self.state.params)
        _, returned = following.memory
        found = jax.tree.map(lambda leaf: np.asarray(leaf[0, :, 0], np.float64), returned)
        changed = max(jax.tree.leaves(moved))
        return Step(float(metrics["loss"][0]), flat(found), changed, returned)

    @functools.cached_property
    def _program(self):
        combine, key = self.task.batch_objective.combine, jax.random.key(5)

        def remembered(found, memory, weights):
            """The task's own coupling, which keeps what it was given beside its memory."""
            terms, memory = combine(found, memory, weights)
            return terms, (memory, found)

        config = self.config._replace(batch_objective=BatchObjective(remembered))

        def on_a_device(state, data, rows):
            return train_step(config, state, key, data, rows)

        on_devices = jax.vmap(on_a_device, in_axes=(None, None, 0), axis_name=DEVICE)
        return jax.jit(on_devices, compiler_options=ONCE)


def loss_of(objective, returned, step, items):
    """An objective's loss of what its bound returned, [1, B, S, ...], for so many items."""
    weights = objective.weights(jnp.int32(step))

    def on_a_device(found):
        terms, _ = objective.batch_objective.combine(found, (), weights)
        return objective.criterion(jax.tree.map(lambda term: term.sum(axis=0), terms), weights)

    on_devices = jax.jit(jax.vmap(on_a_device, axis_name=DEVICE))
    return -float(on_devices(returned)[0]) / items


def shaken(variables, deviation):
    """Variables away from the start, where posteriors are priors and no KL costs anything."""
    rng = np.random.default_rng(0)

    def shake(leaf):
        return np.asarray(leaf) + rng.normal(0, deviation, np.shape(leaf)).astype(np.float32)

    return {**variables, "params": jax.tree.map(shake, variables["params"])}


def flat(found):
    """A NamedTuple of arrays and of such tuples as one dict, by the names of the arrays."""
    named = {}
    for name, value in found._asdict().items():
        if isinstance(value, tuple):
            named |= flat(value)
        else:
            named[name] = value
    return named
