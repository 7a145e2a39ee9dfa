"""Importance-weighted estimates of the log evidence of held-out data (Burda et al. 2016)."""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError
from cal_jax.mapping import Variables, dataset_keys, map_objective
from cal_jax.objectives.importance import (
    importance_weighted,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)
from cal_jax.progress import Progress

CONTEXT_SAMPLES, LATENT_SAMPLES = 100, 50
"""Of every published log p(D)."""


def item_log_likelihoods(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    *,
    samples: int = 5000,
    chunk: int = 500,
    batch: int = 20,
) -> np.ndarray:
    """The bound of S samples on log p(x) of each item, by running averages.

    Args:
      model, variables: a trained model that meets the autoencoder's protocols.
      key: a PRNG key; an item's samples depend on it and the item's row.
      x: [M, *X].
      samples: S.
      chunk: samples at a time, or the largest divisor of both; bounds the memory.
      batch: items at a time.

    Returns:
      [M] nats.

    Raises:
      InputError: samples, chunk or batch below 1, or values that are not finite.
    """
    return _bounds(vae_log_weight, model, variables, key, x, samples, chunk, batch)


def set_log_likelihoods(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    *,
    layers: int,
    contexts: int = CONTEXT_SAMPLES,
    latents: int = LATENT_SAMPLES,
    chunk: int = 2,
    batch: int = 1,
) -> np.ndarray:
    """The nested bound of J contexts by S latents an item on log p(D) of each set.

    Sets of one size; ``evaluation.contexts`` and the objective take masks.

    Args:
      model, variables: a trained model that meets the statistician's protocols.
      key: a PRNG key; a set's samples depend on it and the set's row.
      x: [M, N, *X].
      layers: L, stochastic layers.
      contexts: J.
      latents: S.
      chunk: contexts at a time, or the largest divisor of both; bounds the memory.
      batch: sets at a time.

    Returns:
      [M] nats a set.

    Raises:
      InputError: samples, chunk or batch below 1, or values that are not finite.
    """

    one_context = _one_context(layers, latents)
    return _bounds(one_context, model, variables, key, x, contexts, chunk, batch)


@functools.lru_cache(maxsize=8)
def _one_context(layers: int, latents: int) -> Callable[..., Any]:
    """The log weight of one sampled context, its items' latents integrated."""

    def log_weight(key: Any, generative: Any, inference: Any, x: Any) -> Any:
        return set_log_weight(
            neural_statistician_log_weights(
                key, generative, inference, x, layers=layers, latent_samples=latents
            )
        )

    return log_weight


def _bounds(
    log_weight: Callable[..., Any],
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    samples: int,
    chunk: int,
    batch: int,
) -> np.ndarray:
    """log 1/S sum_s w_s of each row of x, in chunks of samples and batches of rows."""
    for name, value in {"samples": samples, "chunk": chunk, "batch": batch}.items():
        if value < 1:
            raise InputError(f"{name} must be 1 or more: got {value}")
    if not np.isfinite(x).all():
        row = int(np.argwhere(~np.isfinite(x))[0, 0])
        raise InputError(f"row {row} has a value that is not finite; accepted: finite ones")
    bound_of = _compiled(log_weight, model, samples, math.gcd(samples, chunk), batch)
    total = len(x)
    bounds = np.empty(math.ceil(total / batch) * batch, np.float32)
    with Progress(total, "likelihoods") as progress:
        for first in range(0, total, batch):
            rows = np.minimum(np.arange(first, first + batch), total - 1)
            bounds[first : first + batch] = bound_of(variables, key, first, jnp.asarray(x[rows]))
            progress.update(min(first + batch, total), {})
    return bounds[:total]


@functools.lru_cache(maxsize=8)
def _compiled(
    log_weight: Callable[..., Any], model: nn.Module, samples: int, chunk: int, batch: int
) -> Any:
    """One program for every model of the same architecture."""
    mapped = map_objective(log_weight, model, training=False)

    @jax.jit
    def bound_of(variables: Variables, key: jax.Array, first: jax.Array, x: jax.Array) -> jax.Array:
        keys = dataset_keys(key, first, batch, samples).reshape(batch, -1, chunk)
        weights = jax.lax.map(
            lambda keys: mapped(variables, keys, x)[0], jnp.moveaxis(keys, 1, 0)
        )  # [S / chunk, B, chunk]
        return importance_weighted(jnp.moveaxis(weights, 0, 1).reshape(batch, -1))

    return bound_of
