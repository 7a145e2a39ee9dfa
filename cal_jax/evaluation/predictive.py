"""The predictive density of new items given a data set: log p(x_new | D, a).

Shape letters as in ``cal_jax.axes``; T new items, J samples of the constant contexts, S of
an item's varying contexts and z.
"""

import functools
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.distributions import sample
from cal_jax.inference.mapping import Variables, dataset_keys, map_objective
from cal_jax.inference.sampler import in_batches
from cal_jax.objectives.context_aware import context_aware_items
from cal_jax.objectives.importance import importance_weighted
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


def predictive_log_weights(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    new: Array,
    a: Array,
    *,
    latent_samples: int = 1,
    mask: Array | None = None,
) -> Array:
    """The log weights of new items given ONE data set and one sample of its constant contexts.

    log p(x_new, c_s, z_s | c, a) - log q(c_s, z_s | x_new, c, a) with c ~ q(c | D, a):
    the average of such weights over c and s is unbiased for the density of the new item
    under the approximate predictive, the integral of q(c | D, a) p(x_new | c, a) over c.
    So its logarithm, ``importance_weighted`` over both, is a lower bound in expectation of
    that proper density's, which is p(x_new | D, a) itself where q(c | D, a) is the exact
    posterior. (The difference of two nested bounds, of D with and without the new item,
    is not a bound.)

    Args:
      key: a PRNG key.
      generative, inference: see ``cal_jax.objectives.protocols``; for more than one latent
        sample, every array of ``encode(x)`` has the items' axis first.
      x: [N, *X], the set; new: [T, *X].
      a: [K] in {0, 1}.
      latent_samples: S.
      mask: [N], 1 for items that belong to the set; None when all do.

    Returns:
      [T, S] nats.
    """
    key_constant, key_items = jax.random.split(key)
    posterior = inference.constant_contexts(inference.encode(blank_padding(x, mask)), a, mask)
    constants = a[:, None] * sample(posterior, key_constant)
    copies, h = jax.tree.map(
        lambda rows: jnp.repeat(rows, latent_samples, axis=0), (new, inference.encode(new))
    )
    items = context_aware_items(
        key_items, generative, inference, copies, h, constants, a, kl="monte_carlo"
    )
    return items.elbo.reshape(-1, latent_samples)


def predictive_log_likelihoods(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    new: np.ndarray,
    a: np.ndarray,
    counts: np.ndarray,
    *,
    contexts: int,
    latents: int,
    chunk: int = 5,
    batch: int = 4,
) -> np.ndarray:
    """The bound of J contexts by S latents on log p(x_new | D, a), by running averages.

    Args:
      model, variables: a trained model that meets the context-aware learner's protocols.
      key: a PRNG key; a set's samples depend on it and the set's row.
      x: [M, N, *X], the sets; new: [M, T, *X], the new items of each.
      a: [K], the mask of all sets.
      counts: [N], 1 for the items that are given: one program serves every |D|.
      contexts: J.
      latents: S.
      chunk: contexts at a time, or the largest divisor of both; bounds the memory.
      batch: sets at a time.

    Returns:
      [M, T] nats an item.
    """
    labels = np.broadcast_to(np.asarray(a, np.float32), (len(x), len(a)))
    masks = np.broadcast_to(np.asarray(counts, np.float32), x.shape[:2])
    bound = functools.partial(_compiled(model, latents, math.gcd(contexts, chunk)), variables)
    keys = dataset_keys(key, 0, len(x), contexts)
    return in_batches(bound, keys, x, new, labels, masks, size=batch)


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module, latents: int, chunk: int) -> Any:
    """One program for every model of the same architecture."""
    mapped = map_objective(predictive_log_weights, model, training=False, latent_samples=latents)

    @jax.jit
    def bound_of(
        variables: Variables, keys: Array, x: Array, new: Array, labels: Array, mask: Array
    ) -> Array:
        chunks = jnp.moveaxis(keys.reshape(len(x), -1, chunk), 1, 0)
        weights = jax.lax.map(  # [J / j, B, j, T, S]
            lambda some: mapped(variables, some, x, new, labels, mask=mask)[0], chunks
        )
        by_item = jnp.moveaxis(weights, (1, 3), (0, 1))
        return importance_weighted(by_item.reshape(*new.shape[:2], -1))

    return bound_of
