"""ELBO of the context-aware learner with a known constant mask (thesis 6.1, 6.1.2)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod, sample
from cal_jax.distributions import kl as divergence
from cal_jax.objectives.checks import (
    check_constant_mask,
    check_contexts,
    check_items,
    check_shape,
    score_items,
)
from cal_jax.objectives.items import blank_padding, sum_items
from cal_jax.objectives.protocols import ContextAwareGenerative, ContextAwareInference


class ContextAwareTerms(NamedTuple):
    """A lower bound on log p(D | a) of one data set, and its parts, in nats.

    ``elbo = reconstruction - kl_latent - sum(kl_varying) - sum(kl_constant)``.
    """

    elbo: Array
    """[]: the bound (6.5), to be maximised."""
    reconstruction: Array
    """[]: R, log p(x_n | z_n, c^n) summed over the items (6.6)."""
    kl_latent: Array
    """[]: L, the KL of z summed over the items (6.7)."""
    kl_varying: Array
    """[K]: C_v, the KL of each varying context summed over the items (6.8)."""
    kl_constant: Array
    """[K]: C_c, the KL of each constant context, once for the set (6.9)."""


class ItemTerms(NamedTuple):
    """The contributions of items, given the constant contexts of their set, in nats."""

    reconstruction: Array
    """[N]: log p(x_n | z_n, c^n)."""
    kl_latent: Array
    """[N]: the KL of z_n."""
    kl_varying: Array
    """[N, K]: the KL of each varying context; zero where a_k = 1."""

    @property
    def elbo(self) -> Array:
        """[N]: each item's share of the bound (with Monte Carlo KLs: its log weight)."""
        return self.reconstruction - self.kl_latent - jnp.sum(self.kl_varying, axis=-1)


class LatentTerms(NamedTuple):
    """The contributions of items, given all of their contexts, in nats."""

    reconstruction: Array
    """[N]: log p(x_n | z_n, c^n)."""
    kl_latent: Array
    """[N]: the KL of z_n."""

    @property
    def elbo(self) -> Array:
        """[N]: each item's share of the bound (with Monte Carlo KLs: its log weight)."""
        return self.reconstruction - self.kl_latent


def context_aware_elbo(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    a: Array,
    *,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> ContextAwareTerms:
    """The ELBO on log p(D | a) of ONE data set from one Monte Carlo sample; vmap it for more.

    Thesis equations (6.5)-(6.9); the KL of the mask, (6.10), is absent while
    the mask is known (6.1.2). Sampling is ancestral: constant contexts from
    the set, varying contexts from each item and the constant ones, z from
    each item and its contexts.

    Args:
      key: a PRNG key. The noise of item n does not depend on how many items
        follow it as long as JAX's default (partitionable threefry) keys are used.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [N, *X], the items.
      a: [K] floats in [0, 1]; context k is constant where a_k = 1 (6.1.1).
        Values between 0 and 1 interpolate, and the result is not a bound.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
      kl: "analytic" uses a closed form where one is registered and Monte Carlo
        elsewhere; "monte_carlo" takes every KL from the reconstruction's samples,
        so that the bound is the log weight log p(D, c, z | a) - log q(c, z | a, D).

    Returns:
      ContextAwareTerms, nats summed over the items that count.

    Raises:
      InputError: for a set without items, shapes that disagree, or values outside the
        likelihood's support.
    """
    check_items(x, mask)
    check_constant_mask(a)
    key_constant, key_items = jax.random.split(key)
    x = blank_padding(x, mask)
    h = inference.encode(x)

    posterior = inference.constant_contexts(h, a, mask)
    constants = sample(posterior, key_constant)
    check_contexts(constants, a)
    kl_constant = divergence(posterior, generative.constant_prior(a), constants, method=kl)
    check_shape(kl_constant.nats, a.shape, "KL of the constant contexts")
    constants = a[:, None] * constants

    items = context_aware_items(key_items, generative, inference, x, h, constants, a, kl=kl)

    reconstruction = sum_items(items.reconstruction, mask)  # (6.6)
    kl_latent = sum_items(items.kl_latent, mask)  # (6.7)
    kl_varying = sum_items(items.kl_varying, mask)  # (6.8)
    kl_constant_nats = a * kl_constant.nats  # (6.9)
    elbo = reconstruction - kl_latent - jnp.sum(kl_varying) - jnp.sum(kl_constant_nats)  # (6.5)
    return ContextAwareTerms(elbo, reconstruction, kl_latent, kl_varying, kl_constant_nats)


def context_aware_items(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    h: Any,
    constants: Array,
    a: Array,
    *,
    kl: KLMethod = "analytic",
) -> ItemTerms:
    """Each item's contribution to the bound given its set's constant contexts.

    The inner part of (6.6)-(6.8): varying contexts and z are sampled here.

    Args:
      key, generative, inference, kl: as in ``context_aware_elbo``.
      x: [N, *X]; h: ``inference.encode(x)``.
      constants: [K, C], zero where varying.
      a: [K].

    Returns:
      ItemTerms, nats per item.
    """
    key_varying, key_latent = jax.random.split(key)
    posterior = inference.varying_contexts(h, constants, a)
    varying = sample(posterior, key_varying)
    kl_varying = divergence(posterior, generative.varying_prior(constants, a), varying, method=kl)
    check_shape(kl_varying.nats, (*x.shape[:1], *a.shape), "KL of the varying contexts")
    contexts = select_contexts(constants, varying, a)
    latent = context_aware_items_given_contexts(
        key_latent, generative, inference, x, h, contexts, kl=kl
    )
    kl_varying_nats = (1.0 - a)[None, :] * kl_varying.nats
    return ItemTerms(latent.reconstruction, latent.kl_latent, kl_varying_nats)


def context_aware_items_given_contexts(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    h: Any,
    contexts: Array,
    *,
    kl: KLMethod = "analytic",
) -> LatentTerms:
    """Each item's contribution to the bound given all of its contexts.

    The innermost part of (6.6) and (6.7): only z is sampled here.

    Args:
      key, generative, inference, kl: as in ``context_aware_elbo``.
      x: [N, *X]; h: ``inference.encode(x)``.
      contexts: [N, K, C].

    Returns:
      LatentTerms, nats per item.
    """
    posterior = inference.latent(h, contexts)
    z = sample(posterior, key)
    kl_latent = divergence(posterior, generative.latent_prior(contexts), z, method=kl)
    check_shape(kl_latent.nats, x.shape[:1], "KL of z")
    reconstruction = score_items(generative.likelihood(z, contexts), x, x.shape[:1])
    return LatentTerms(reconstruction, kl_latent.nats)


def select_contexts(constants: Array, varying: Array, a: Array) -> Array:
    """Every item's contexts: the set's where a_k = 1, its own where a_k = 0 (6.3), (6.4).

    Args:
      constants: [K, C]; varying: [N, K, C]; a: [K].

    Returns:
      [N, K, C].
    """
    is_constant = a[None, :, None]
    return is_constant * constants[None] + (1.0 - is_constant) * varying
