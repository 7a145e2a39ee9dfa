"""Importance-weighted estimates of the log evidence of held-out data (Burda et al. 2016)."""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.cli.progress import Progress
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, dataset_keys, map_objective
from cal_jax.objectives.context_aware_weights import context_aware_log_weights
from cal_jax.objectives.importance import (
    importance_weighted,
    neural_statistician_log_weights,
    set_log_weight,
    vae_log_weight,
)

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
    return _bounds(vae_log_weight, model, variables, key, (x,), None, samples, chunk, batch)


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
    return _bounds(one_context, model, variables, key, (x,), None, contexts, chunk, batch)


def label_log_likelihoods(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    support: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    contexts: int = CONTEXT_SAMPLES,
    latents: int = LATENT_SAMPLES,
    chunk: int = 2,
    batch: int = 1,
) -> np.ndarray:
    """The nested bound of J constant contexts by S latents an item on log p(D | a) of each set.

    Args:
      model, variables: a trained model that meets the context-aware learner's protocols.
      key: a PRNG key; a set's samples depend on it and the set's row, not on its constant mask.
      x: [M, N, *X].
      support: [A, K], masks in {0, 1}.
      mask: [M, N], 1 for items that count; None when all count.
      contexts: J.
      latents: S, samples of an item's varying contexts and z.
      chunk: contexts at a time, or the largest divisor of both; bounds the memory.
      batch: sets at a time.

    Returns:
      [M, A] nats a set.

    Raises:
      InputError: samples, chunk or batch below 1, or values that are not finite.
    """
    one_context = _one_constant_context(latents)

    def of_mask(a: np.ndarray) -> np.ndarray:
        data = (x, np.broadcast_to(np.asarray(a, np.float32), (len(x), len(a))))
        return _bounds(one_context, model, variables, key, data, mask, contexts, chunk, batch)

    return np.stack([of_mask(a) for a in support], axis=-1)


@functools.lru_cache(maxsize=8)
def _one_constant_context(latents: int) -> Callable[..., Any]:
    """The log weight of a set's sampled constant contexts, all else of its items integrated."""

    def log_weight(
        key: Any, generative: Any, inference: Any, x: Any, a: Any, *, mask: Any = None
    ) -> Any:
        weights = context_aware_log_weights(
            key, generative, inference, x, a, latent_samples=latents, mask=mask
        )
        return set_log_weight(weights, mask)

    return log_weight


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
    data: tuple[np.ndarray, ...],
    mask: np.ndarray | None,
    samples: int,
    chunk: int,
    batch: int,
) -> np.ndarray:
    """log 1/S sum_s w_s of each row of the data, in chunks of samples and batches of rows."""
    for name, value in {"samples": samples, "chunk": chunk, "batch": batch}.items():
        if value < 1:
            raise InputError(f"{name} must be 1 or more: got {value}")
    x = data[0]
    counts = np.isfinite(x)
    if mask is not None:
        counts |= (mask == 0).reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
    if not counts.all():
        row = int(np.argwhere(~counts)[0, 0])
        raise InputError(f"row {row} has a value that is not finite; accepted: finite ones")
    bound_of = _compiled(log_weight, model, samples, math.gcd(samples, chunk), batch)
    total = len(x)
    bounds = np.empty(math.ceil(total / batch) * batch, np.float32)
    with Progress(total, "likelihoods") as progress:
        for first in range(0, total, batch):
            rows = np.minimum(np.arange(first, first + batch), total - 1)
            masked = None if mask is None else jnp.asarray(mask[rows])
            chosen = (jnp.asarray(array[rows]) for array in data)
            bounds[first : first + batch] = bound_of(variables, key, first, masked, *chosen)
            progress.update(min(first + batch, total), {})
    return bounds[:total]


@functools.lru_cache(maxsize=8)
def _compiled(
    log_weight: Callable[..., Any], model: nn.Module, samples: int, chunk: int, batch: int
) -> Any:
    """One program for every model of the same architecture."""
    mapped = map_objective(log_weight, model, training=False)

    @jax.jit
    def bound_of(
        variables: Variables,
        key: jax.Array,
        first: jax.Array,
        mask: jax.Array | None,
        *data: jax.Array,
    ) -> jax.Array:
        keys = dataset_keys(key, first, batch, samples).reshape(batch, -1, chunk)
        weights = jax.lax.map(
            lambda keys: mapped(variables, keys, *data, mask=mask)[0], jnp.moveaxis(keys, 1, 0)
        )  # [S / chunk, B, chunk]
        return importance_weighted(jnp.moveaxis(weights, 0, 1).reshape(batch, -1))

    return bound_of
