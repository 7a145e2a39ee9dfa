"""ELBO of the variational autoencoder (thesis 4.2)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod, sample
from cal_jax.distributions import kl as divergence
from cal_jax.objectives.checks import check_shape, score_items
from cal_jax.objectives.protocols import VAEGenerative, VAEInference


class VAETerms(NamedTuple):
    """A lower bound on log p(x) of one item, and its parts, in nats.

    ``elbo = reconstruction - kl_latent``.
    """

    elbo: Array
    """[]: the bound (4.7), to be maximised."""
    reconstruction: Array
    """[]: log p(x | z)."""
    kl_latent: Array
    """[]: the KL of z."""


def vae_elbo(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    *,
    kl: KLMethod = "analytic",
) -> VAETerms:
    """The ELBO on log p(x) of ONE item from one Monte Carlo sample; vmap it for more.

    Thesis equation (4.7), with z reparameterised (4.3).

    Args:
      key: a PRNG key.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [*X], the item.
      kl: "analytic" uses a closed form where one is registered and Monte Carlo
        elsewhere; "monte_carlo" takes the KL from the reconstruction's sample, so
        that the bound is the log weight log p(x, z) - log q(z | x).

    Returns:
      VAETerms, nats.

    Raises:
      InputError: a likelihood of another event shape, or values outside its support.
      ValueError: for an unknown ``kl``.
    """
    posterior = inference.posterior(x)
    z = sample(posterior, key)
    kl_latent = divergence(posterior, generative.prior(), z, method=kl).nats
    reconstruction = score_items(generative.likelihood(z), x, posterior.batch_shape)
    check_shape(kl_latent, posterior.batch_shape, "KL of z")
    return VAETerms(reconstruction - kl_latent, reconstruction, kl_latent)  # (4.7)


def vae_items_elbo(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    *,
    kl: KLMethod = "analytic",
) -> VAETerms:
    """The ELBO on log p(D) of ONE data set of independent items.

    The sum of (4.7) over the items: the neural statistician's ELBO without a context.

    Args:
      key, generative, inference, kl: as in ``vae_elbo``; the callables take the
        leading axis of items.
      x: [N, *X], the items.

    Returns:
      VAETerms, nats summed over the items.
    """
    return jax.tree.map(jnp.sum, vae_elbo(key, generative, inference, x, kl=kl))
