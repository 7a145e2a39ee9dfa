"""ELBO of pairs with a Laplace transition prior: SlowVAE (Klindt et al. 2021).

https://arxiv.org/abs/2007.10930. Few factors change much between the two items, and most
little: z_2 is Laplace-distributed about z_1. Shape letter: Z dimensions.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import DiagonalGaussian, sample
from cal_jax.distributions import kl as divergence
from cal_jax.errors import InputError
from cal_jax.objectives.checks import score_items
from cal_jax.objectives.protocols import VAEGenerative, VAEInference


class SlowVAETerms(NamedTuple):
    """A lower bound on log p(x_1, x_2) of one pair, and its parts, in nats.

    ``elbo = reconstruction - kl_latent - kl_transition``, the mean of the bounds of both orders.
    """

    elbo: Array
    """[]: to be maximised."""
    reconstruction: Array
    """[]: log p(x_1 | z_1) + log p(x_2 | z_2)."""
    kl_latent: Array
    """[]: the KL of the first item's z from the prior, the mean over both orders."""
    kl_transition: Array
    """[]: that of the second item's from the Laplace distribution about the first's."""


def slow_vae_elbo(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    *,
    rate: float = 6.0,
) -> SlowVAETerms:
    """The ELBO on log p(x_1, x_2) of ONE pair from one Monte Carlo sample.

    p(z_1) is the prior, p(z_2 | z_1) a product of Laplace distributions about z_1; either item
    may be the first, and the terms are the mean over both orders. The expectation of the
    transition's KL over q(z_1 | x_1) is exact, where the authors take z_1 at its mean.

    Args:
      key, generative, inference: see ``objectives.vae.vae_items_elbo``; the posterior is a
        diagonal Gaussian.
      x: [2, *X], the pair.
      rate: of the Laplace distributions, 1 over their scale.

    Raises:
      InputError: a posterior of another kind, or items other than two.
    """
    posterior = inference.posterior(x)
    if not isinstance(posterior, DiagonalGaussian) or len(x) != 2:
        raise InputError(
            f"posterior: {type(posterior).__name__} of {len(x)} items; accepted: a diagonal "
            "Gaussian of each of 2, a pair"
        )
    z = sample(posterior, key)
    reconstruction = jnp.sum(score_items(generative.likelihood(z), x, posterior.batch_shape))
    kl_latent = jnp.mean(divergence(posterior, generative.prior(), z).nats)
    kl_transition = jnp.mean(transition_kl(posterior.loc, posterior.log_variance, rate))
    return SlowVAETerms(
        reconstruction - kl_latent - kl_transition, reconstruction, kl_latent, kl_transition
    )


def transition_kl(means: Array, log_variances: Array, rate: float) -> Array:
    """E_q(z') KL(q(z) || Laplace(z', 1 / rate)) of a pair in both orders: [2] nats.

    z - z' is Gaussian, so that the expected distance has a closed form; the divergence is
    rate E|z - z'| - log(rate / 2) less the entropy of q(z), summed over dimensions.

    Args:
      means, log_variances: [2, Z], of the pair's posteriors.
      rate: of the Laplace distributions.
    """
    apart, variance = means[0] - means[1], jnp.sum(jnp.exp(log_variances), axis=0)
    distance = jnp.sum(expected_distance(apart, variance))
    entropy = 0.5 * jnp.sum(log_variances + math.log(2 * math.pi) + 1.0, axis=-1)
    return rate * distance - means.shape[-1] * math.log(rate / 2) - entropy


def expected_distance(mean: Array, variance: Array) -> Array:
    """E|d| of Gaussian d, elementwise (a folded normal's mean)."""
    scale = jnp.sqrt(variance)
    density = scale * math.sqrt(2 / math.pi) * jnp.exp(-(mean**2) / (2 * variance))
    return density + mean * jax.scipy.special.erf(mean / (scale * math.sqrt(2.0)))
