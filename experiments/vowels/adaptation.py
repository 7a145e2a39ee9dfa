"""Adaptation of a context-aware learner to a speaker from items without labels.

The learner encodes the items of one speaker and one vowel in constant contexts u_v. A Gaussian
prior of a speaker's u_1..u_V, fitted to training speakers, says how the vowels of a speaker go
together:

    u_v = mean_v + offset e_0 + sum_a directions_va (turn e_a) + own e_v,    e ~ N(0, I).

Of an unheard speaker, q(e) = N(m, diag s^2) maximises

    E_q [ sum_n log 1/V sum_v p(x_n | u_v) ] - KL(q(e) | N(0, I)),                        (*)

a bound on the log evidence of its items. It has local optima, so it is climbed from several
starts. Shape letters: N items, V vowels, K contexts, C dimensions of a context, D numbers of an
item, A directions, E = 1 + A + V, R starts.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from cal_jax.cli.progress import Progress
from cal_jax.inference.trained import TrainedLearner
from cal_jax.models.context_aware.learner import ContextAwareLearner, Generative

SAMPLES = 2
"""Of e in a step."""
FINAL_SAMPLES = 64
"""Of e in the bound and the responsibilities that are returned."""
LEARNING_RATE = 0.05
"""Adam's, falling to a twentieth of it."""
START_LOG_SCALE = -1.0
"""log s of the starts."""
FARTHEST = 2.0
"""Standard deviations of a start's e at most."""


class SpeakerPrior(NamedTuple):
    """The prior of a speaker's contexts; J = K * C."""

    mean: Any
    """[V, J]"""
    directions: Any
    """[V, A]"""
    offset: Any
    """[J, J]"""
    turn: Any
    """[J, J]"""
    own: Any
    """[J, J]"""

    def contexts(self, e: Array) -> Array:
        """The contexts [V, J] of e [E, J]."""
        count = self.directions.shape[1]
        shared = (self.offset @ e[0])[None] + self.directions @ (e[1 : 1 + count] @ self.turn.T)
        vowels: Array = self.mean + shared + e[1 + count :] @ self.own.T
        return vowels

    def coordinates(self, contexts: np.ndarray) -> np.ndarray:
        """e [S, E, J] of speakers with contexts [S, V, J], at most ``FARTHEST`` from 0."""
        offset, turn, own = _parted(contexts - self.mean, np.asarray(self.directions))
        parts = ((offset[:, None], self.offset), (turn, self.turn), (own, self.own))
        each = [part @ np.linalg.pinv(root, rcond=1e-2).T for part, root in parts]
        return np.clip(np.concatenate(each, axis=1), -FARTHEST, FARTHEST)


class Adapted(NamedTuple):
    """One speaker from each start."""

    bound: Any
    """[R]: (*), nats a speaker."""
    responsibilities: Any
    """[R, N, V]: q(v | x_n)."""


def speaker_prior(contexts: np.ndarray, directions: np.ndarray) -> SpeakerPrior:
    """The prior with the moments of speakers that the learner encoded.

    Args:
      contexts: [S, V, J].
      directions: [V, A], orthonormal columns.
    """
    speakers, vowels, _ = contexts.shape
    count, free = directions.shape[1], speakers - 1
    mean = contexts.mean(axis=0)
    offset, turn, own = _parted(contexts - mean, directions)
    of_own = _covariance(own, free * (vowels - 1 - count))
    of_turn = _covariance(turn, free * count) - of_own
    of_offset = _covariance(offset, free) - of_own / vowels
    return SpeakerPrior(mean, directions, _root(of_offset), _root(of_turn), _root(of_own))


def utterance_contexts(trained: TrainedLearner, x: np.ndarray) -> np.ndarray:
    """Posterior means of all contexts of sets that share every factor, one after the other.

    Args:
      trained: the learner.
      x: sets [..., n, D] of one speaker and vowel each.

    Returns:
      [..., K * C].
    """
    sets = np.asarray(x, np.float32).reshape(-1, *x.shape[-2:])
    found = trained.contexts(sets, constant=trained.names)
    together = np.concatenate([found[name] for name in trained.names], axis=-1)
    return together.reshape(*x.shape[:-2], -1)


def starts_of(prior: SpeakerPrior, contexts: np.ndarray) -> np.ndarray:
    """Starts for e, [1 + 3 S, E, J]: the mean speaker, and each of S speakers in three ways.

    A speaker as it is; without its own deviations of the vowels; without its offset.

    Args:
      prior: of the contexts.
      contexts: of training speakers, [S, V, J].
    """
    whole = prior.coordinates(contexts)
    shared, centred = whole.copy(), whole.copy()
    shared[:, 1 + prior.directions.shape[1] :] = 0.0
    centred[:, 0] = 0.0
    return np.concatenate([np.zeros_like(whole[:1]), whole, shared, centred])


def adapt(
    trained: TrainedLearner,
    prior: SpeakerPrior,
    x: np.ndarray,
    starts: np.ndarray,
    key: Array,
    *,
    steps: int,
) -> Adapted:
    """Climb (*) for each of several speakers, one after the other.

    Args:
      trained: with the likelihood ``Normal``.
      prior: of the contexts.
      x: [M, N, D], the items of M speakers; no labels.
      starts: [R, E, J].
      key: a PRNG key; the m-th speaker's noise depends on it and m.
      steps: of Adam.

    Returns:
      Adapted of numpy arrays [M, R, ...].
    """
    climb, found = _compiled(trained.model, steps), []
    arrays = SpeakerPrior(*(jnp.asarray(part, jnp.float32) for part in prior))
    with Progress(len(x), "speakers") as progress:
        for index, items in enumerate(np.asarray(x, np.float32)):
            of_speaker = jax.random.fold_in(key, index)
            args = (jnp.asarray(starts, jnp.float32), arrays, items, of_speaker)
            found.append(jax.device_get(climb(trained.variables, *args)))
            progress.update(index + 1, {})
    return Adapted(*(np.stack(part) for part in zip(*found, strict=True)))


def vowel_probabilities(adapted: Adapted, temperature: float) -> np.ndarray:
    """Responsibilities averaged over the starts, weighted by exp(bound / temperature): [..., N, V].

    Args:
      adapted: [..., R], [..., R, N, V].
      temperature: nats.
    """
    apart = (adapted.bound - adapted.bound.max(axis=-1, keepdims=True)) / temperature
    weights = np.exp(apart) / np.exp(apart).sum(axis=-1, keepdims=True)
    return np.asarray(np.einsum("...r,...rnv->...nv", weights, adapted.responsibilities))


def log_likelihoods(generative: Generative, contexts: Array, x: Array) -> Array:
    """log p(x_n | u_v), [N, V] nats; z ~ N(0, I) is integrated to first order about 0.

    Args:
      generative: of one item a vowel, its likelihood ``Normal``.
      contexts: [V, K, C].
      x: [N, D].
    """

    def decoded(z: Array) -> tuple[Array, Array]:
        items = generative.likelihood(z, contexts)
        return items.loc, items.log_variance

    z = generative.latent_prior(contexts).mean()
    mean, log_variance = decoded(z)
    variance = jnp.exp(log_variance)
    for axis in range(z.shape[-1]):
        along = jnp.zeros_like(z).at[:, axis].set(1.0)
        slope = jax.jvp(lambda z: decoded(z)[0], (z,), (along,))[1]
        variance = variance + slope**2
    squares = (x[:, None] - mean[None]) ** 2 / variance[None]
    return -0.5 * jnp.sum(squares + jnp.log(2 * jnp.pi * variance)[None], axis=-1)


def adaptation_bound(
    key: Array,
    generative: Generative,
    q: tuple[Array, Array],
    prior: SpeakerPrior,
    x: Array,
    *,
    contexts: int,
    samples: int,
) -> tuple[Array, Array]:
    """(*) in nats, and the responsibilities [N, V], of ONE speaker by Monte Carlo.

    Args:
      key: a PRNG key.
      generative: the learner's.
      q: m and log s, [E, J] each.
      prior: of the contexts.
      x: [N, D].
      contexts: K.
      samples: of e.
    """
    mean, log_scale = q

    def one(key: Array) -> tuple[Array, Array]:
        e = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        u = prior.contexts(e)
        joint = log_likelihoods(generative, u.reshape(len(u), contexts, -1), x) - jnp.log(len(u))
        return jax.scipy.special.logsumexp(joint, axis=1).sum(), jax.nn.softmax(joint, axis=1)

    evidence, shares = jax.vmap(one)(jax.random.split(key, samples))
    divergence = 0.5 * jnp.sum(jnp.exp(2 * log_scale) + mean**2 - 1 - 2 * log_scale)
    return evidence.mean() - divergence, shares.mean(axis=0)


@functools.lru_cache(maxsize=4)
def _compiled(model: ContextAwareLearner, steps: int) -> Callable[..., Any]:
    """One program for every learner of the same architecture."""
    bound_of = functools.partial(adaptation_bound, contexts=model.config.num_contexts)
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps, 0.05))

    def climb(
        module: ContextAwareLearner, start: Array, prior: SpeakerPrior, x: Array, key: Array
    ) -> Adapted:
        generative = module.generative()

        def loss(q: tuple[Array, Array], key: Array) -> Array:
            return -bound_of(key, generative, q, prior, x, samples=SAMPLES)[0]

        def step(carry: Any, index: Array) -> tuple[Any, None]:
            q, state = carry
            updates, state = optimiser.update(
                jax.grad(loss)(q, jax.random.fold_in(key, index)), state
            )
            return (optax.apply_updates(q, updates), state), None

        q = (start, jnp.full_like(start, START_LOG_SCALE))
        (q, _), _ = jax.lax.scan(step, (q, optimiser.init(q)), jnp.arange(steps))
        last = jax.random.fold_in(key, steps)
        return Adapted(*bound_of(last, generative, q, prior, x, samples=FINAL_SAMPLES))

    def of_start(
        variables: Any, start: Array, prior: SpeakerPrior, x: Array, key: Array
    ) -> Adapted:
        adapted: Adapted = nn.apply(climb, model)(variables, start, prior, x, key)
        return adapted

    return jax.jit(jax.vmap(of_start, in_axes=(None, 0, None, None, None)))


def _parted(apart: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, ...]:
    """Deviations [S, V, J] as offsets [S, J], turns [S, A, J] and what is left, [S, V, J]."""
    offset = apart.mean(axis=1)
    rest = apart - offset[:, None]
    turn = np.einsum("va,svj->saj", directions, rest)
    return offset, turn, rest - np.einsum("va,saj->svj", directions, turn)


def _covariance(apart: np.ndarray, free: int) -> np.ndarray:
    """[J, J] of deviations [..., J] with so many degrees of freedom."""
    rows = apart.reshape(-1, apart.shape[-1])
    return rows.T @ rows / max(free, 1)


def _root(covariance: np.ndarray) -> np.ndarray:
    """R with R R^T = covariance, its negative eigenvalues raised to almost zero."""
    variances, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(variances, 1e-6))
