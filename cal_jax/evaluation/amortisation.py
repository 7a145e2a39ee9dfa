"""The amortisation gap of a bound, by refining each set's posterior with gradient steps.

The gap between the bound at the networks' posteriors and at the best of the same family
for each set (Cremer et al. 2018). Shape letters as in ``cal_jax.axes``; M data sets.
"""

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from cal_jax.distributions import Distribution, diagonal_gaussian
from cal_jax.inference.mapping import Variables, dataset_keys, map_objective
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


class Shift(NamedTuple):
    """Offsets of the parameters of a diagonal Gaussian."""

    mean: Array
    log_variance: Array


class Shifts(NamedTuple):
    """Offsets of every posterior of a data set."""

    constant: Shift
    """[K, C]"""
    varying: Shift
    """[N, K, C]"""
    latent: Shift
    """[N, Z]"""


class Refined(NamedTuple):
    """The bound of each data set under its constant mask, nats a set: [M]."""

    amortised: np.ndarray
    """At the networks' posteriors."""
    refined: np.ndarray
    """At the set's own."""


def no_shifts(items: int, contexts: tuple[int, int], latent_dim: int) -> Shifts:
    """Zeros, for a set of N items, contexts (K, C) and Z dimensions of z."""

    def zeros(*shape: int) -> Shift:
        return Shift(jnp.zeros(shape), jnp.zeros(shape))

    return Shifts(zeros(*contexts), zeros(items, *contexts), zeros(items, latent_dim))


def shifted(inference: ContextAwareInference, shifts: Shifts) -> ContextAwareInference:
    """The approximate posterior of one data set with shifted parameters.

    Each factor, a diagonal Gaussian, keeps its conditions: a varying context
    still depends on the constant ones, and z on its contexts.
    """

    def constant_contexts(h: Any, a: Array, mask: Array | None) -> Distribution:
        return _moved(inference.constant_contexts(h, a, mask), shifts.constant)

    def varying_contexts(h: Any, constants: Array, a: Array) -> Distribution:
        return _moved(inference.varying_contexts(h, constants, a), shifts.varying)

    def latent(h: Any, contexts: Array) -> Distribution:
        return _moved(inference.latent(h, contexts), shifts.latent)

    return SimpleNamespace(
        encode=inference.encode,
        constant_contexts=constant_contexts,
        varying_contexts=varying_contexts,
        latent=latent,
    )


def shifted_elbo(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    a: Array,
    shifts: Shifts,
) -> Array:
    """The bound (6.5) of ONE data set at posteriors shifted by ``shifts``, one sample: [] nats."""
    return context_aware_elbo(key, generative, shifted(inference, shifts), x, a).elbo


def refine(
    bound: Callable[[Shifts, Array], Array],
    shifts: Shifts,
    key: Array,
    *,
    steps: int,
    learning_rate: float,
) -> Shifts:
    """Maximise the sum of sets' bounds by Adam with cosine decay to zero.

    Args:
      bound: (shifts, key) -> an unbiased estimate of each set's bound, [M].
      shifts: where to start; every array has the leading axis [M].
      key: a PRNG key; each step has noise of its own.
      steps: how many.
      learning_rate: Adam's, at the first step.
    """
    optimiser = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))

    def step(state: Any, key: Array) -> tuple[Any, None]:
        shifts, moments = state
        loss = jax.grad(lambda shifts: -jnp.sum(bound(shifts, key)))(shifts)
        update, moments = optimiser.update(loss, moments, shifts)
        return (optax.apply_updates(shifts, update), moments), None

    start = (shifts, optimiser.init(shifts))
    return jax.lax.scan(step, start, jax.random.split(key, steps))[0][0]


def refined_bounds(
    model: ContextAwareLearner,
    variables: Variables,
    key: Array,
    x: np.ndarray,
    a: np.ndarray,
    *,
    steps: int,
    samples: int = 8,
    learning_rate: float = 0.03,
    rounds: int = 8,
) -> Refined:
    """The bound of data sets before and after refining their posteriors, with the model fixed.

    With running averages. Both bounds are estimated from the same new samples, so that
    overfitting to the steps' noise does not count.

    Args:
      model, variables: a trained ``ContextAwareLearner``.
      key: a PRNG key.
      x: [M, N, *X], all at once.
      a: [K], the mask of all of them.
      steps, learning_rate: see ``refine``.
      samples: Monte Carlo samples of a step.
      rounds: the bounds are estimated by this many times ``samples`` samples.
    """
    c = model.config
    start = no_shifts(x.shape[1], (c.num_contexts, c.context_dim), c.latent.dim)
    shifts = jax.tree.map(lambda zeros: jnp.zeros((len(x), *zeros.shape)), start)
    labels = np.broadcast_to(np.asarray(a, np.float32), (len(x), len(a)))
    run = _compiled(model, steps, samples, learning_rate, rounds)
    return Refined(*np.asarray(run(variables, key, x, labels, shifts)))


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module, steps: int, samples: int, learning_rate: float, rounds: int) -> Any:
    """One program for every model of the same architecture."""
    mapped = map_objective(shifted_elbo, model, training=False)

    @jax.jit
    def run(variables: Variables, key: Array, x: Array, labels: Array, start: Shifts) -> Array:
        @jax.jit  # traced once, for its value and for its gradient
        def bound(shifts: Shifts, key: Array) -> Array:
            keys = dataset_keys(key, 0, len(x), samples)
            return jnp.mean(mapped(variables, keys, x, labels, shifts)[0], axis=1)

        key_steps, key_judge = jax.random.split(key)
        best = refine(bound, start, key_steps, steps=steps, learning_rate=learning_rate)
        both = jax.tree.map(lambda *parts: jnp.stack(parts), start, best)
        keys = jax.random.split(key_judge, rounds)

        def judged(shifts: Shifts) -> Array:
            return jnp.mean(jax.lax.map(lambda key: bound(shifts, key), keys), axis=0)

        return jax.lax.map(judged, both)

    return run


def _moved(posterior: Distribution, shift: Shift) -> Distribution:
    log_variance = jnp.log(posterior.variance()) + shift.log_variance
    return diagonal_gaussian(posterior.mean() + shift.mean, log_variance)
