"""ELBO of the neural statistician, basic and full (thesis 5.1)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod, sample
from cal_jax.distributions import kl as divergence
from cal_jax.objectives.checks import check_items, check_shape, layers_of, score_items
from cal_jax.objectives.items import blank_padding, sum_items
from cal_jax.objectives.protocols import NeuralStatisticianGenerative, NeuralStatisticianInference


class NeuralStatisticianTerms(NamedTuple):
    """A lower bound on log p(D) of one data set, and its parts, in nats.

    ``elbo = reconstruction - kl_context - sum(kl_latents)``.
    """

    elbo: Array
    """[]: the bound (5.4), (5.10), to be maximised."""
    reconstruction: Array
    """[]: R, log p(x_n | z_n, c) summed over the items (5.5), (5.11)."""
    kl_context: Array
    """[]: C, the KL of the context, once for the set (5.7), (5.13)."""
    kl_latents: Array
    """[L]: the KL of each stochastic layer summed over the items; their sum is L (5.6), (5.12)."""


class StatisticianItemTerms(NamedTuple):
    """The contributions of items, given the context of their set, in nats."""

    reconstruction: Array
    """[N]: log p(x_n | z_n, c)."""
    kl_latents: Array
    """[N, L]: the KL of each stochastic layer."""

    @property
    def elbo(self) -> Array:
        """[N]: each item's share of the bound (with Monte Carlo KLs: its log weight)."""
        return self.reconstruction - jnp.sum(self.kl_latents, axis=-1)


def neural_statistician_elbo(
    key: Array,
    generative: NeuralStatisticianGenerative,
    inference: NeuralStatisticianInference,
    x: Array,
    *,
    layers: int | None = None,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> NeuralStatisticianTerms:
    """The ELBO on log p(D) of ONE data set from one Monte Carlo sample; vmap it for more.

    Thesis equations (5.4)-(5.7), the basic model, and (5.10)-(5.13), the full
    one, depending on the arguments that the model's callables use. A basic
    model has one layer and a likelihood that ignores c.

    Args:
      key: a PRNG key. The noise of item n does not depend on how many items
        follow it as long as JAX's default (partitionable threefry) keys are used.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [N, *X], the items.
      layers: L, the number of stochastic layers; z_l is sampled given z_(l-1) and c. None:
        ``generative.layers``, or 1.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
      kl: "analytic" uses a closed form where one is registered and Monte Carlo
        elsewhere; "monte_carlo" takes every KL from the reconstruction's samples,
        so that the bound is the log weight log p(D, c, z) - log q(c, z | D).

    Returns:
      NeuralStatisticianTerms, nats summed over the items that count.

    Raises:
      InputError: for a set without items, a mask of another length, layers other than
        the model's, a likelihood of another event shape, values outside its support.
      ValueError: for an unknown ``kl``.
    """
    check_items(x, mask)
    key_context, key_items = jax.random.split(key)
    x = blank_padding(x, mask)
    h = inference.encode(x)

    posterior = inference.context(h, mask)
    c = sample(posterior, key_context)
    kl_context = divergence(posterior, generative.context_prior(), c, method=kl).nats
    check_shape(kl_context, (), "KL of the context")

    items = neural_statistician_items(
        key_items, generative, inference, x, h, c, layers=layers, kl=kl
    )
    reconstruction = sum_items(items.reconstruction, mask)  # (5.5), (5.11)
    kl_latents = sum_items(items.kl_latents, mask)  # (5.6), (5.12)
    elbo = reconstruction - (jnp.sum(kl_latents) + kl_context)  # (5.4), (5.10)
    return NeuralStatisticianTerms(elbo, reconstruction, kl_context, kl_latents)


def neural_statistician_items(
    key: Array,
    generative: NeuralStatisticianGenerative,
    inference: NeuralStatisticianInference,
    x: Array,
    h: Any,
    c: Array,
    *,
    layers: int | None = None,
    kl: KLMethod = "analytic",
) -> StatisticianItemTerms:
    """Each item's contribution to the bound given the context of its set.

    The inner part of (5.11) and (5.12): every layer is sampled here, and the KL
    of a layer is taken at the sample of the layer above.

    Args:
      key, generative, inference, layers, kl: as in ``neural_statistician_elbo``.
      x: [N, *X]; h: ``inference.encode(x)``.
      c: [C], the context.

    Returns:
      StatisticianItemTerms, nats per item.
    """
    zs: tuple[Array, ...] = ()
    kls = []
    for layer in range(layers_of(generative, layers)):
        z_above = zs[-1] if zs else None
        posterior = inference.latent(layer, h, z_above, c)
        z = sample(posterior, jax.random.fold_in(key, layer))
        prior = generative.latent_prior(layer, z_above, c)
        kls.append(divergence(posterior, prior, z, method=kl).nats)
        check_shape(kls[-1], x.shape[:1], f"KL of z, layer {layer}")
        zs = (*zs, z)
    reconstruction = score_items(generative.likelihood(zs, c), x, x.shape[:1])
    return StatisticianItemTerms(reconstruction, jnp.stack(kls, axis=-1))
