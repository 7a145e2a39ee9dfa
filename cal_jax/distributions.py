"""The only door to distrax: distributions, and the divergence between any two.

Distributions are built, sampled and scored inside one mapped function; only
arrays leave it (distrax distributions do not survive a ``vmap`` boundary).
"""

import functools
import math
from typing import Any, Literal, NamedTuple

import distrax
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.divergences import (
    categorical_kl,
    diagonal_gaussian_kl,
    gaussian_kl,
    triangular_gaussian_kl,
)

Distribution = Any
"""A distrax distribution, or anything with its ``sample``, ``log_prob`` and shapes."""

KLMethod = Literal["analytic", "monte_carlo"]


MEAN_DRAWS = 64
"""Of the estimate of a flow's mean."""

_diagonal_matrix = jnp.vectorize(jnp.diag, signature="(c)->(c,c)")


class _Normal(distrax.Normal):
    """distrax's, and its numbers too; the noise is drawn as one vector, whatever the shape.

    XLA:CPU writes out the loops over the short axes of a shape: of the code that LLVM had to
    compile for the thesis's context-aware learner, the noise was a quarter.
    """

    def _sample_n(self, key: Array, n: int) -> Array:
        shape = (n, *self.batch_shape)
        noise = jax.random.normal(key, (math.prod(shape),), self.loc.dtype)
        return self.scale[None] * noise.reshape(shape) + self.loc[None]


class _Bernoulli(distrax.Bernoulli):
    """distrax's; its score takes one logarithm of a pixel, where distrax takes that of both
    values: a twelfth of a step of the autoencoder.

    Exact where a logit saturates: its product and its positive part are equal or nothing.
    """

    def log_prob(self, value: Array) -> Array:
        positive = jnp.maximum(self.logits, 0.0)
        linear = value * self.logits - positive
        return linear - jnp.log1p(jnp.exp(self.logits - 2.0 * positive))


class Divergence(NamedTuple):
    """A divergence, and whether it is exact."""

    nats: Array
    """[...]: the KL, or its one-sample estimate."""
    exact: bool
    """True for a closed form, False where the value is a Monte Carlo estimate."""


def diagonal_gaussian(mean: Array, log_variance: Array) -> distrax.Distribution:
    """A Gaussian with diagonal covariance: mean, log_variance [..., C]; batch [...], event [C]."""
    mean, log_variance = jnp.broadcast_arrays(mean, log_variance)
    return distrax.Independent(_Normal(mean, jnp.exp(0.5 * log_variance)), 1)


def standard_gaussian(shape: tuple[int, ...]) -> distrax.Distribution:
    """N(0, I) with batch ``shape[:-1]`` and event ``shape[-1:]``."""
    return diagonal_gaussian(jnp.zeros(shape), jnp.zeros(shape))


def triangular_gaussian(mean: Array, scale: Array) -> distrax.Distribution:
    """A Gaussian with covariance L L^T: mean [..., C], L = scale [..., C, C] lower triangular."""
    with jax.numpy_rank_promotion("allow"):
        return distrax.MultivariateNormalTri(mean, scale)


def full_gaussian(mean: Array, covariance: Array) -> distrax.Distribution:
    """A Gaussian with full covariance: mean [..., C], covariance [..., C, C]."""
    with jax.numpy_rank_promotion("allow"):
        return distrax.MultivariateNormalFullCovariance(mean, covariance)


def gaussian_mixture(logits: Array, mean: Array, log_variance: Array) -> distrax.Distribution:
    """A mixture of M diagonal Gaussians; no KL to it has a closed form.

    Args:
      logits: [..., M], unnormalised.
      mean, log_variance: [..., M, C].

    Returns:
      Batch [...], event [C].
    """
    components = diagonal_gaussian(mean, log_variance)
    return distrax.MixtureSameFamily(distrax.Categorical(logits=logits), components)


class _Flow(distrax.Transformed):
    """distrax's, with a mean."""

    def mean(self) -> Array:
        """A Monte Carlo estimate from ``MEAN_DRAWS`` draws of a fixed key: no mean is closed."""
        with jax.numpy_rank_promotion("allow"):
            draws = self.sample(seed=jax.random.key(0), sample_shape=(MEAN_DRAWS,))
        return jnp.mean(draws, axis=0)


def coupling_flow(
    inner: Array, bias: Array, outer: Array, *, base: Distribution | None = None
) -> distrax.Distribution:
    """A base distribution through L affine coupling layers (Dinh et al. 2017).

    Layer l leaves half of the dimensions, every second one, as they are: they decide,
    through one hidden layer of H units, how the others are shifted and scaled, by
    factors between e^-2 and e^2. ``outer`` = 0 is the identity. No KL to or from it is
    closed, nor is its mean: ``mean()`` is a Monte Carlo estimate of a fixed key.

    Args:
      inner: [L, ..., C, H]; bias: [L, ..., H]; outer: [L, ..., H, 2 C].
      base: batch [...], event [C]; None: N(0, I).

    Returns:
      Batch [...], event [C].
    """
    shape = inner.shape[1:-1]
    kept = jnp.broadcast_to(jnp.arange(shape[-1]) % 2 == 0, shape)
    layers = [
        distrax.MaskedCoupling(
            kept if layer % 2 == 0 else ~kept,
            functools.partial(_shift_and_log_scale, inner[layer], bias[layer], outer[layer]),
            lambda parameters: distrax.ScalarAffine(parameters[0], log_scale=parameters[1]),
            event_ndims=1,
        )
        for layer in range(len(inner))
    ]
    return _Flow(standard_gaussian(shape) if base is None else base, distrax.Chain(layers))


def _shift_and_log_scale(inner: Array, bias: Array, outer: Array, x: Array) -> tuple[Array, Array]:
    hidden = jax.nn.relu(jnp.einsum("...c,...ch->...h", x, inner) + bias)
    shift, raw = jnp.split(jnp.einsum("...h,...hd->...d", hidden, outer), 2, axis=-1)
    return shift, 2.0 * jnp.tanh(0.5 * raw)


def bernoulli(logits: Array, event_ndims: int) -> distrax.Distribution:
    """Independent Bernoullis from logits; the last ``event_ndims`` axes are one event.

    ``log_prob`` works from the logits, so a saturated pixel costs a finite
    number of nats (the sigmoid of thesis B.1.1 is for pictures only).
    """
    return distrax.Independent(_Bernoulli(logits=logits, dtype=logits.dtype), event_ndims)


def categorical(logits: Array) -> distrax.Distribution:
    """A categorical from unnormalised logits [..., M]; batch [...], scalar event."""
    return distrax.Categorical(logits=logits)


def sample(distribution: Distribution, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
    """A draw: ``sample_shape`` before the batch and the event."""
    with jax.numpy_rank_promotion("allow"):
        return distribution.sample(seed=key, sample_shape=sample_shape)


def log_prob(distribution: Distribution, value: Array) -> Array:
    """log p(value) in nats; leading axes of ``value`` beyond the batch are broadcast."""
    with jax.numpy_rank_promotion("allow"):
        return distribution.log_prob(jnp.asarray(value))


def kl(
    q: Distribution, p: Distribution, draw: Array, *, method: KLMethod = "analytic"
) -> Divergence:
    """KL(q || p) in nats, in closed form where there is one (thesis A.3, A.4).

    Args:
      q: batch [...].
      p: the same event; its batch broadcasts against q's.
      draw: a sample of q, [..., *event]: what a Monte Carlo estimate uses.
      method: "analytic" takes the closed form and falls back to Monte Carlo
        where none is registered; "monte_carlo" always estimates.

    Returns:
      Divergence(nats [broadcast batch], exact): ``exact`` is False wherever
      the value is log q(draw) - log p(draw).

    Raises:
      ValueError: for an unknown method or batches that do not broadcast.
    """
    if method not in ("analytic", "monte_carlo"):
        raise ValueError(f"kl must be 'analytic' or 'monte_carlo', got {method!r}")
    shape = jnp.broadcast_shapes(q.batch_shape, p.batch_shape)
    if method == "analytic":
        exact = _closed_form(q, p)
        if exact is not None:
            return Divergence(jnp.broadcast_to(exact, shape), exact=True)
    estimate = log_prob(q, draw) - jnp.broadcast_to(log_prob(p, draw), shape)
    return Divergence(estimate, exact=False)


def _closed_form(q: Distribution, p: Distribution) -> Array | None:
    diagonal_q, diagonal_p = _diagonal_moments(q), _diagonal_moments(p)
    if diagonal_q and diagonal_p:
        return diagonal_gaussian_kl(*diagonal_q, *diagonal_p)
    if isinstance(q, distrax.MultivariateNormalTri) and diagonal_p:
        return triangular_gaussian_kl(q.loc, q.scale_tri, *diagonal_p)
    full_q, full_p = _moments(q), _moments(p)
    if full_q and full_p:
        return gaussian_kl(*full_q, *full_p)
    if isinstance(q, distrax.Categorical) and isinstance(p, distrax.Categorical):
        return categorical_kl(q.logits, p.logits)
    if not hasattr(q, "kl_divergence"):
        return None
    try:
        with jax.numpy_rank_promotion("allow"):
            return q.kl_divergence(p)
    except NotImplementedError:
        return None


def _diagonal_moments(distribution: Distribution) -> tuple[Array, Array] | None:
    """(mean, log variance) of either spelling of a diagonal Gaussian vector."""
    if isinstance(distribution, distrax.MultivariateNormalDiag):
        return distribution.loc, 2.0 * jnp.log(distribution.scale_diag)
    if isinstance(distribution, distrax.Independent):
        inner = distribution.distribution
        is_vector = len(distribution.event_shape) == 1 and inner.event_shape == ()
        if is_vector and isinstance(inner, distrax.Normal):
            return inner.loc, 2.0 * jnp.log(inner.scale)
    return None


def _moments(distribution: Distribution) -> tuple[Array, Array] | None:
    """(mean, covariance) of any Gaussian vector."""
    diagonal = _diagonal_moments(distribution)
    if diagonal:
        mean, log_variance = diagonal
        return mean, _diagonal_matrix(jnp.exp(log_variance))
    if isinstance(distribution, distrax.MultivariateNormalFromBijector):
        with jax.numpy_rank_promotion("allow"):
            return distribution.loc, distribution.covariance()
    return None
