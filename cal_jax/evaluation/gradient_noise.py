"""Variance and bias of estimators of the label logits' gradient (thesis 6.3.2)."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.cli.progress import Progress
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, map_objective
from cal_jax.objectives.label import LabelEstimator, label_elbo

CHUNK = 20
"""Keys in one compiled call."""


class GradientNoise(NamedTuple):
    """Noise of dL/dlogits of a set's bound, in nats squared, averaged over sets."""

    variance: float
    """The trace of its covariance over the keys."""
    squared_bias: float
    """The squared distance of its mean from the exact sum's, whose own mean is unbiased; what
    the noise of both means adds to it by chance is subtracted, so that it may be below 0."""


def label_gradient_noise(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    support: np.ndarray,
    log_prior: np.ndarray,
    *,
    estimator: LabelEstimator,
    temperature: float = 1.0,
    keys: int = 1000,
) -> dict[str, GradientNoise]:
    """The noise of an estimator that samples labels, and of the exact sum, for the same keys.

    Args:
      model: with a label network. It uses batch statistics, as in training: an
        untrained model has no running averages.
      variables: fixed.
      key: a PRNG key.
      x: [B, N, *X], a fixed batch.
      support: [M, K]; log_prior: [M].
      estimator: gumbel, concrete or rao.
      temperature: of its samples.
      keys: number of noise samples.

    Returns:
      By estimator: ``estimator`` and ``exact``.

    Raises:
      InputError: fewer than 2 keys.
    """
    if keys < 2:
        raise InputError(f"keys must be 2 or more: got {keys}")
    at = functools.partial(
        _gradients, model, variables, x, support, log_prior, jax.random.split(key, keys)
    )
    drawn, exact = at(estimator, temperature), at("exact", None)
    difference = drawn.mean(axis=0) - exact.mean(axis=0)
    by_chance = (drawn.var(axis=0, ddof=1) + exact.var(axis=0, ddof=1)) / keys
    bias = float(np.mean(np.sum(difference**2 - by_chance, axis=-1)))
    return {
        estimator: GradientNoise(_trace(drawn), bias),
        "exact": GradientNoise(_trace(exact), 0.0),
    }


def _trace(gradients: np.ndarray) -> float:
    """The trace of the covariance over keys of gradients [S, B, M], averaged over sets."""
    return float(np.mean(np.sum(gradients.var(axis=0, ddof=1), axis=-1)))


def _gradients(
    model: nn.Module,
    variables: Variables,
    x: np.ndarray | jax.Array,
    support: np.ndarray,
    log_prior: np.ndarray,
    keys: jax.Array,
    estimator: LabelEstimator,
    temperature: float | None,
) -> np.ndarray:
    """dL/dlogits of each set for each key, [S, B, M]."""

    chunk = _compiled(model, estimator, temperature)
    given = (variables, jnp.asarray(x), jnp.asarray(support), jnp.asarray(log_prior), keys[0])
    parts = []
    with Progress(len(keys), f"gradients, {estimator}", unit="key") as progress:
        for start in range(0, len(keys), CHUNK):
            parts.append(np.asarray(chunk(*given, keys[start : start + CHUNK]), np.float64))
            progress.update(min(start + CHUNK, len(keys)))
    return np.concatenate(parts)


@functools.lru_cache(maxsize=8)
def _compiled(
    model: nn.Module, estimator: LabelEstimator, temperature: float | None
) -> Callable[..., jax.Array]:
    """(variables, x, support, log_prior, key of the logits, keys [S]) -> gradients [S, B, M]."""

    def logits_of(key: jax.Array, _: Any, inference: Any, x: jax.Array) -> jax.Array:
        return inference.labels(inference.encode(x), None)

    @jax.jit
    def chunk(
        variables: Variables,
        x: jax.Array,
        support: jax.Array,
        log_prior: jax.Array,
        first: jax.Array,
        keys: jax.Array,
    ) -> jax.Array:
        def bound(
            key: jax.Array, generative: Any, inference: Any, x: jax.Array, logits: jax.Array
        ) -> jax.Array:
            fixed = inference._replace(labels=lambda h, mask: logits)
            options: Any = {"estimator": estimator, "temperature": temperature}
            return label_elbo(key, generative, fixed, x, support, log_prior, **options).elbo

        mapped, read = map_objective(bound, model), map_objective(logits_of, model)
        logits = read(variables, jax.random.split(first, (len(x), 1)), x)[0][:, 0]

        def one(key: jax.Array) -> jax.Array:
            each = jax.random.split(key, (len(x), 1))
            return jax.grad(lambda at: jnp.sum(mapped(variables, each, x, at)[0]))(logits)

        return jax.lax.map(one, keys)

    return chunk
