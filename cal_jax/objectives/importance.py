"""Importance-weighted bounds of items and, nested, of data sets (Burda et al. 2016)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import kl as divergence
from cal_jax.distributions import sample
from cal_jax.errors import InputError
from cal_jax.objectives.checks import check_items
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.neural_statistician import neural_statistician_items
from cal_jax.objectives.protocols import (
    NeuralStatisticianGenerative,
    NeuralStatisticianInference,
    VAEGenerative,
    VAEInference,
)
from cal_jax.objectives.scoring import score_statistician_by, score_vae_by
from cal_jax.objectives.vae import vae_elbo


class ImportanceTerms(NamedTuple):
    """An importance-weighted bound, in nats; it does not decompose into terms."""

    elbo: Array
    """[...]"""


class NestedLogWeights(NamedTuple):
    """The log weights of one sampled context of a data set, in nats."""

    context: Array
    """[]: log p(c) - log q(c | D)."""
    items: Array
    """[N, S]: log p(x_n, z_ns | c) - log q(z_ns | x_n, c)."""


def importance_weighted(log_weights: Array, axis: int = -1) -> Array:
    """The bound of S samples, log 1/S sum_s w_s (Burda et al. 2016, equation 8), in nats.

    With one sample it is the Monte Carlo form of the plain bound; it rises with
    S, in expectation, to the log evidence.

    Args:
      log_weights: [..., S], one-sample log weights: ``vae_log_weight``, or any
        bound here with ``kl="monte_carlo"``, its samples mapped outside.
      axis: the samples' axis.

    Returns:
      [...].

    Raises:
      InputError: without samples.
    """
    samples = log_weights.shape[axis]
    if samples < 1:
        raise InputError(f"a bound needs at least one sample: axis {axis} has {samples}")
    return jax.nn.logsumexp(log_weights, axis=axis) - jnp.log(samples)


def vae_log_weight(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    *,
    scored_by: VAEInference | None = None,
) -> Array:
    """log p(x, z) - log q(z | x) of ONE item and one sample of z; vmap it for more.

    The value of ``vae_elbo(..., kl="monte_carlo").elbo`` for the same key.

    Args:
      key: a PRNG key.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [*X], the item.
      scored_by: the inference with stopped parameters, for the gradient of
        "sticking the landing": see ``gradient_estimators.sticking_the_landing``.

    Returns:
      [], nats.
    """
    if scored_by is not None:
        inference = score_vae_by(inference, scored_by)
    return vae_elbo(key, generative, inference, x, kl="monte_carlo").elbo


def neural_statistician_log_weights(
    key: Array,
    generative: NeuralStatisticianGenerative,
    inference: NeuralStatisticianInference,
    x: Array,
    *,
    layers: int | None = None,
    latent_samples: int = 1,
    mask: Array | None = None,
    scored_by: NeuralStatisticianInference | None = None,
) -> NestedLogWeights:
    """The log weights of ONE data set and one sample of its context; vmap it for more contexts.

    The S samples of each item's latents are S copies of the item side by side:
    items are independent given c. For the same key, one latent sample gives
    the terms of ``neural_statistician_elbo(..., kl="monte_carlo")``.

    In training, a normalisation that reads the item mask of its pass
    (``nn.apply_context.ApplyContext``) cannot follow the copies: more than one latent
    sample with a mask is for evaluation, where running averages are used.

    Args:
      key: a PRNG key. The noise of item n does not depend on how many items
        follow it as long as JAX's default (partitionable threefry) keys are used.
      generative, inference: see ``cal_jax.objectives.protocols``; for more than
        one latent sample, every array of ``encode(x)`` has the items' axis first.
      x: [N, *X], the items.
      layers: L, the number of stochastic layers; None: the model's.
      latent_samples: S.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
      scored_by: the inference with stopped parameters, for the gradient of
        "sticking the landing": see ``gradient_estimators.sticking_the_landing``.

    Returns:
      NestedLogWeights; ``set_log_weight`` and ``nested_bound`` reduce them.

    Raises:
      InputError: for a set without items, a mask of another length, no layers or
        no latent samples.
    """
    check_items(x, mask)
    if latent_samples < 1:
        raise InputError(f"latent_samples must be 1 or more: got {latent_samples}")
    if scored_by is not None:
        inference = score_statistician_by(inference, scored_by)
    key_context, key_items = jax.random.split(key)
    x = blank_padding(x, mask)
    h = inference.encode(x)

    posterior = inference.context(h, mask)
    c = sample(posterior, key_context)
    kl_context = divergence(posterior, generative.context_prior(), c, method="monte_carlo").nats

    if latent_samples > 1:
        x, h = jax.tree.map(lambda rows: jnp.repeat(rows, latent_samples, axis=0), (x, h))
    items = neural_statistician_items(
        key_items, generative, inference, x, h, c, layers=layers, kl="monte_carlo"
    )
    return NestedLogWeights(-kl_context, items.elbo.reshape(-1, latent_samples))


def set_log_weight(weights: NestedLogWeights, mask: Array | None = None) -> Array:
    """The log weight of a sampled context, items' latents marginalised by S samples, in nats.

    log p(c) - log q(c | D) + sum_n log 1/S sum_s w_ns. Computed inside a mapped
    function it leaves one number per context, so that many contexts by many
    latents can be evaluated in chunks::

        def one(key, generative, inference, x, *, mask=None, **options):
            weights = neural_statistician_log_weights(
                key, generative, inference, x, mask=mask, **options)
            return set_log_weight(weights, mask)

        mapped = map_objective(one, model, training=False, latent_samples=50)
        chunks = jax.lax.map(lambda keys: mapped(variables, keys, x)[0], keys)  # [J/j, B, j]
        bound = importance_weighted(jnp.moveaxis(chunks, 0, -1).reshape(len(x), -1))  # [B]

    Args:
      weights: context [...], items [..., N, S].
      mask: [N] or [..., N], 1 for items that count; None when all count.

    Returns:
      [...].
    """
    items = importance_weighted(weights.items)
    if mask is not None:
        items = jnp.where(jnp.broadcast_to(mask, items.shape) > 0, items, 0.0)
    return weights.context + jnp.sum(items, axis=-1)


def nested_bound(weights: NestedLogWeights, mask: Array | None = None) -> Array:
    """The bound on log p(D) of J contexts by S latents of each item, in nats.

    log 1/J sum_j [p(c_j) / q(c_j | D)] prod_n (1/S sum_s w_njs). The products of
    unbiased averages are unbiased, so it is a bound; it rises with J and with S,
    in expectation. J = S = 1 is the Monte Carlo form of (5.10).

    Args:
      weights: context [..., J], items [..., J, N, S].
      mask: [N] or [..., N], 1 for items that count; None when all count.

    Returns:
      [...].
    """
    return importance_weighted(set_log_weight(weights, for_every_context(mask)))


def for_every_context(mask: Array | None) -> Array | None:
    """A mask [..., N] of data sets with an axis for contexts, [..., 1, N]."""
    return None if mask is None else jnp.expand_dims(mask, -2)
