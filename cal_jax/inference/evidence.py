"""Contexts, log p(D | a) and log p(a | D) of data sets under a context-aware learner."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.errors import InputError
from cal_jax.inference.inputs import checked_sets
from cal_jax.inference.likelihood import CONTEXT_SAMPLES, LATENT_SAMPLES, label_log_likelihoods
from cal_jax.inference.mapping import Variables, dataset_keys, map_objective
from cal_jax.inference.posterior import contexts_of_sets
from cal_jax.inference.sampler import in_batches
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo

ELBO_SAMPLES = 10
"""Of every set and mask."""


class Inferred(NamedTuple):
    """Results for each data set and mask of a support; without the axis [M] for ONE set."""

    log_evidence: np.ndarray
    """[M, A]: the nested importance-weighted bound on log p(D | a), nats a set."""
    elbo: np.ndarray
    """[M, A]: the plain bound (6.5) on it, without the mask's KL."""
    log_posterior: np.ndarray
    """[M, A]: log p(a | D) from ``log_evidence`` and the prior, normalised over the support."""
    constants: np.ndarray
    """[M, A, K, C]: posterior means of the constant contexts, zero where varying."""
    varying: np.ndarray
    """[M, A, N, K, C]: of the varying contexts given these, zero where constant."""


def infer(
    model: ContextAwareLearner,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    support: np.ndarray,
    *,
    log_prior: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    contexts: int = CONTEXT_SAMPLES,
    latents: int = LATENT_SAMPLES,
) -> Inferred:
    """Contexts, log p(D | a) and log p(a | D) of data sets for each mask of a support.

    Running averages make a set's result independent of the other sets.

    Args:
      model, variables: a trained ``ContextAwareLearner``.
      key: a PRNG key.
      x: [M, N, *X] data sets, or one [N, *X], in the model's own binary images.
      support: [A, K], masks in {0, 1}.
      log_prior: [A], up to a constant; None: all masks alike.
      mask: [M, N] or [N], 1 for items that count; None when all count.
      contexts: J, samples of the constant contexts of a set.
      latents: S, samples of the varying contexts and z of an item, for each of these.

    Returns:
      Inferred, of numpy arrays.

    Raises:
      InputError: arrays of other shapes, masks that are not 0 or 1, values that are
        not finite or outside the likelihood's support, samples below 1.
    """
    sets, masks, one = checked_sets(model, x, mask)
    support = np.asarray(support, np.float32)
    if support.ndim != 2 or support.shape[1] != model.config.num_contexts or not len(support):
        raise InputError(
            f"support: shape {support.shape}; accepted: [A, {model.config.num_contexts}]"
        )
    if not np.isin(support, (0, 1)).all():
        raise InputError("support: an entry that is neither 0 nor 1; accepted: these")
    prior = np.zeros(len(support)) if log_prior is None else np.asarray(log_prior, float)
    if prior.shape != (len(support),):
        raise InputError(f"log_prior: shape {prior.shape}; accepted: ({len(support)},)")
    found = _infer(model, variables, key, sets, support, prior, masks, contexts, latents)
    return Inferred(*(array[0] for array in found)) if one else found


def log_mask_posterior(log_evidence: np.ndarray, log_prior: np.ndarray) -> np.ndarray:
    """log p(a | D) [..., A] of log p(D | a) [..., A] and log p(a) [A], up to constants."""
    joint = log_evidence + np.broadcast_to(log_prior, log_evidence.shape)
    return np.asarray(jax.nn.log_softmax(joint, axis=-1))


def elbo_of_masks(
    model: ContextAwareLearner,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    support: np.ndarray,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """The plain bound (6.5) of sets at each mask, the mean of ``ELBO_SAMPLES``: [M, A] nats a set.

    Args:
      model, variables, key, support, mask: as for ``infer``.
      x: [M, N, *X], float32.
    """
    elbo = functools.partial(_compiled(model), variables)
    keys = dataset_keys(key, 0, len(x), ELBO_SAMPLES)
    masks = () if mask is None else (mask,)
    return np.stack(
        [in_batches(elbo, keys, x, np.tile(a, (len(x), 1)), *masks) for a in support], axis=-1
    )


def _infer(
    model: ContextAwareLearner,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    support: np.ndarray,
    log_prior: np.ndarray,
    mask: np.ndarray | None,
    contexts: int,
    latents: int,
) -> Inferred:
    key_weights, key_elbo, key_contexts = jax.random.split(key, 3)
    log_evidence = label_log_likelihoods(
        model, variables, key_weights, x, support, mask=mask, contexts=contexts, latents=latents
    )
    found = [contexts_of_sets(model, variables, key_contexts, x, a, mask) for a in support]
    return Inferred(
        log_evidence=log_evidence,
        elbo=elbo_of_masks(model, variables, key_elbo, x, support, mask),
        log_posterior=log_mask_posterior(log_evidence, log_prior),
        constants=np.stack([one.constant_means for one in found], axis=1),
        varying=np.stack([one.varying_means for one in found], axis=1),
    )


@functools.lru_cache(maxsize=8)
def _compiled(model: ContextAwareLearner) -> Callable[..., jax.Array]:
    """The mean bound of each set, one program for every model of the same architecture."""
    mapped = map_objective(context_aware_elbo, model, training=False)

    @jax.jit
    def elbo(variables: Variables, keys: jax.Array, x: Any, a: Any, mask: Any = None) -> jax.Array:
        terms, _ = mapped(variables, keys, x, a, mask=mask)
        return jnp.mean(terms.elbo, axis=1)

    return elbo
