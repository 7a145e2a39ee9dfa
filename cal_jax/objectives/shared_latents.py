"""ELBOs of sets whose items share some dimensions of z, which are told or inferred.

Four methods that differ in which dimensions are shared and in how the items' posteriors of
these become one: GVAE (Hosoya 2019) and ML-VAE (Bouchacourt, Tomioka & Nowozin 2018), told;
Ada-GVAE and Ada-ML-VAE (Locatello et al. 2020, https://arxiv.org/abs/2002.02886), inferred.
Every item keeps a posterior of its own, in which shared dimensions have the set's mean and
variance, so each is a bound on log p(D) of independent items. Shape letters: N items, Z
dimensions.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import DiagonalGaussian, diagonal_gaussian, sample
from cal_jax.distributions import kl as divergence
from cal_jax.errors import InputError
from cal_jax.objectives.checks import score_items
from cal_jax.objectives.protocols import VAEGenerative, VAEInference

Average = Literal["mean", "product"]
"""GVAE's: the mean of means and of variances; ML-VAE's: the product of the Gaussians."""


class SharedLatentTerms(NamedTuple):
    """A lower bound on log p(D) of one data set of independent items, in nats.

    ``elbo = reconstruction - kl_latent``.
    """

    elbo: Array
    """[]: to be maximised."""
    reconstruction: Array
    """[]: log p(x_n | z_n) summed over the items."""
    kl_latent: Array
    """[]: the KLs of the items' z, with shared dimensions once an item."""
    shared: Array
    """[Z]: 1 where the items share the dimension."""


def told_latents_elbo(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    a: Array,
    *,
    average: Average = "mean",
) -> SharedLatentTerms:
    """The ELBO of ONE set that is told which factors its items share: GVAE, or ML-VAE.

    z consists of K blocks of equal size, a factor each.

    Args:
      key, generative, inference: see ``objectives.vae.vae_items_elbo``; the posterior is a
        diagonal Gaussian.
      x: [N, *X], the items.
      a: [K], 1 where the items share the factor; K divides Z.
      average: of the items' posteriors.

    Raises:
      InputError: a posterior of another kind, or a number of factors that does not divide Z.
    """
    posterior = _diagonal(inference.posterior(x))
    dimensions = posterior.loc.shape[-1]
    if dimensions % a.shape[0]:
        raise InputError(f"a: {a.shape[0]} factors; accepted: a number that divides {dimensions}")
    shared = jnp.repeat(a, dimensions // a.shape[0])
    return _elbo(key, generative, posterior, x, shared, average)


def adaptive_latents_elbo(
    key: Array,
    generative: VAEGenerative,
    inference: VAEInference,
    x: Array,
    *,
    average: Average = "mean",
) -> SharedLatentTerms:
    """The ELBO of ONE pair whose shared dimensions are inferred: Ada-GVAE, or Ada-ML-VAE.

    See ``inferred_sharing``, a choice without a gradient.

    Args:
      key, generative, inference, average: as in ``told_latents_elbo``.
      x: [2, *X], the pair.

    Raises:
      InputError: a posterior of another kind, or items other than two.
    """
    posterior = _diagonal(inference.posterior(x))
    if len(x) != 2:
        raise InputError(f"x: {len(x)} items; accepted: 2, a pair")
    shared = inferred_sharing(posterior.loc, posterior.log_variance)
    return _elbo(key, generative, posterior, x, shared, average)


def inferred_sharing(means: Array, log_variances: Array) -> Array:
    """Which dimensions a pair of posteriors shares: [Z] of 0 and 1.

    A dimension is shared where KL(q(z_d | x_1) || q(z_d | x_2)) is below the middle between
    the least and the greatest of all dimensions (Locatello et al. 2020, section 4).

    Args:
      means, log_variances: [2, Z].
    """
    (mean, other), (log_variance, log_other) = means, log_variances
    squared = (mean - other) ** 2 * jnp.exp(-log_other)
    nats = 0.5 * (squared + jnp.exp(log_variance - log_other) - 1.0 + log_other - log_variance)
    return (nats < 0.5 * (nats.min() + nats.max())).astype(jnp.float32)


def averaged_posterior(means: Array, log_variances: Array, average: Average) -> tuple[Array, Array]:
    """One mean and one log variance [Z] of the items' [N, Z].

    Args:
      means, log_variances: of the items.
      average: "mean" of means and variances, or the normalised "product" of the Gaussians
        (disentanglement_lib's Ada-ML-VAE has twice the variance of a pair's product).

    Raises:
      InputError: another average.
    """
    if average == "mean":
        return jnp.mean(means, axis=0), jnp.log(jnp.mean(jnp.exp(log_variances), axis=0))
    if average == "product":
        precision = jnp.exp(-log_variances)
        total = jnp.sum(precision, axis=0)
        return jnp.sum(precision * means, axis=0) / total, -jnp.log(total)
    raise InputError(f"average {average!r}; accepted: mean, product")


def _elbo(
    key: Array,
    generative: VAEGenerative,
    posterior: DiagonalGaussian,
    x: Array,
    shared: Array,
    average: Average,
) -> SharedLatentTerms:
    """The bound with the set's average in the shared dimensions [Z] of every item."""
    one = averaged_posterior(posterior.loc, posterior.log_variance, average)
    mean, log_variance = (
        jnp.where(shared[None] > 0, of_set[None], own)
        for of_set, own in zip(one, (posterior.loc, posterior.log_variance), strict=True)
    )
    given = diagonal_gaussian(mean, log_variance)
    z = sample(given, key)
    kl_latent = jnp.sum(divergence(given, generative.prior(), z).nats)
    reconstruction = jnp.sum(score_items(generative.likelihood(z), x, given.batch_shape))
    return SharedLatentTerms(reconstruction - kl_latent, reconstruction, kl_latent, shared)


def _diagonal(posterior: object) -> DiagonalGaussian:
    if not isinstance(posterior, DiagonalGaussian):
        raise InputError(
            f"posterior: {type(posterior).__name__}; accepted: a diagonal Gaussian of each item"
        )
    return posterior
