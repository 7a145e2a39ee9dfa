"""Sampling data sets from a context-aware learner: pure, one data set at a time.

Works on the protocols of ``cal_jax.objectives.protocols``; map the functions
over data sets with ``cal_jax.inference.mapping.map_model``.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.distributions import sample
from cal_jax.errors import InputError
from cal_jax.objectives.checks import check_shape
from cal_jax.objectives.context_aware import select_contexts
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


class GeneratedSet(NamedTuple):
    """One generated data set."""

    samples: Array
    """[N, *X]: drawn from the likelihood."""
    means: Array
    """[N, *X]: the likelihood's means, from the same contexts and z."""


def generate_set(
    key: Array,
    generative: ContextAwareGenerative,
    a: Array,
    num_items: int,
    *,
    constants: Array | None = None,
    given: Array | None = None,
) -> GeneratedSet:
    """Draw one data set by ancestral sampling (thesis (6.2)-(6.4)).

    Args:
      key: a PRNG key.
      generative: the model.
      a: [K] in {0, 1}; any mask, including those unseen in training (6.4.2).
      num_items: N.
      constants: [K, C], contexts to condition on; None draws all from the priors.
      given: [K] in {0, 1}: which rows of ``constants`` are used; None means
        all that are constant under ``a``. The others are drawn from their priors.

    Returns:
      GeneratedSet of N items.
    """
    key_constant, key_varying, key_latent, key_item = jax.random.split(key, 4)
    chosen = sample(generative.constant_prior(a), key_constant)
    if constants is not None:
        use = (a if given is None else given)[:, None] > 0
        chosen = jnp.where(use, constants, chosen)
    chosen = a[:, None] * chosen
    varying = sample(generative.varying_prior(chosen, a), key_varying, (num_items,))
    contexts = select_contexts(chosen, varying, a)
    z = sample(generative.latent_prior(contexts), key_latent)
    likelihood = generative.likelihood(z, contexts)
    return GeneratedSet(sample(likelihood, key_item), likelihood.mean())


def decode_contexts(generative: ContextAwareGenerative, contexts: Array) -> Array:
    """The likelihood's means at contexts [N, K, C], with z at its prior's mean: [N, *X]."""
    z = generative.latent_prior(contexts).mean()
    return generative.likelihood(z, contexts).mean()


def infer_constants(
    inference: ContextAwareInference, x: Array, a: Array, *, mask: Array | None = None
) -> Array:
    """The posterior means of a set's constant contexts, "the most likely contexts" (6.4.1).

    Args:
      inference: the approximate posterior.
      x: [N, *X]; a: [K]; mask: [N] or None.

    Returns:
      [K, C], zero where varying.
    """
    posterior = inference.constant_contexts(inference.encode(x), a, mask)
    return a[:, None] * posterior.mean()


def check_sources(constant_masks: Any) -> None:
    """Refuse two sources for one context; traced masks are not checked.

    Args:
      constant_masks: [R, K] in {0, 1}, of R sources.

    Raises:
      InputError: then.
    """
    if isinstance(constant_masks, jax.core.Tracer):
        return
    given = np.asarray(constant_masks)
    if given.ndim != 2 or not np.isin(given, (0, 1)).all():
        raise InputError(f"constant_masks: shape {given.shape}; accepted: [R, K] of 0 and 1")
    if (given.sum(axis=0) > 1).any():
        context = int(np.argmax(given.sum(axis=0)))
        sources = np.flatnonzero(given[:, context]).tolist()
        raise InputError(f"context {context}: given by sources {sources}; accepted: one source")


def combine_constants(sources: Array, constant_masks: Array) -> tuple[Array, Array]:
    """The constant contexts of several source sets together (6.4.2, figure 6.7).

    Args:
      sources: [R, K, C], each source's constant contexts, zero where varying.
      constant_masks: [R, K], each source's mask; no two sources give the same context.

    Returns:
      (constants [K, C], given [K]): what ``generate_set`` takes.

    Raises:
      InputError: two sources for one context, or shapes that disagree.
    """
    check_sources(constant_masks)
    check_shape(constant_masks, sources.shape[:-1], "constant_masks")
    constants = jnp.sum(constant_masks[..., None] * sources, axis=0)
    return constants, jnp.max(constant_masks, axis=0)
