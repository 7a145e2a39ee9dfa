"""Distributions and divergences between them; the only module that imports distrax.

Diagonal Gaussians, their mixtures, Bernoullis and flows are our own (``independent``,
``mixture``, ``flow``). The others are distrax's, and so are a flow's bijectors: imported at
first use, because the import takes a second or more.

Build, sample and score distributions inside one mapped function; return only
arrays from it (distrax distributions cannot cross a ``vmap`` boundary).
"""

import functools
import sys
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.divergences import (
    categorical_kl,
    diagonal_gaussian_kl,
    gaussian_kl,
    triangular_gaussian_kl,
)
from cal_jax.errors import InputError
from cal_jax.flow import Flow
from cal_jax.independent import DiagonalGaussian, IndependentBernoulli, check_binary
from cal_jax.mixture import GaussianMixture

Distribution = Any
"""One of ``cal_jax.independent`` or of distrax, or anything with its ``sample``, ``log_prob``
and shapes."""

KLMethod = Literal["analytic", "monte_carlo"]

_diagonal_matrix = jnp.vectorize(jnp.diag, signature="(c)->(c,c)")


class Divergence(NamedTuple):
    """A divergence, and whether it is exact."""

    nats: Array
    """[...]: the KL, or its one-sample estimate."""
    exact: bool
    """True for a closed form, False where the value is a Monte Carlo estimate."""


def diagonal_gaussian(mean: Array, log_variance: Array) -> DiagonalGaussian:
    """A Gaussian with diagonal covariance: mean, log_variance [..., C]; batch [...], event [C]."""
    return DiagonalGaussian(*jnp.broadcast_arrays(mean, log_variance))


def standard_gaussian(shape: tuple[int, ...]) -> DiagonalGaussian:
    """N(0, I) with batch ``shape[:-1]`` and event ``shape[-1:]``."""
    return diagonal_gaussian(jnp.zeros(shape), jnp.zeros(shape))


def triangular_gaussian(mean: Array, scale: Array) -> Distribution:
    """A Gaussian with covariance L L^T: mean [..., C], L = scale [..., C, C] lower triangular."""
    with jax.numpy_rank_promotion("allow"):
        return _distrax().MultivariateNormalTri(mean, scale)


def full_gaussian(mean: Array, covariance: Array) -> Distribution:
    """A Gaussian with full covariance: mean [..., C], covariance [..., C, C]."""
    with jax.numpy_rank_promotion("allow"):
        return _distrax().MultivariateNormalFullCovariance(mean, covariance)


def gaussian_mixture(logits: Array, mean: Array, log_variance: Array) -> GaussianMixture:
    """A mixture of M diagonal Gaussians; no KL to it has a closed form.

    Args:
      logits: [..., M], unnormalised.
      mean, log_variance: [..., M, C].

    Returns:
      Batch [...], event [C].
    """
    return GaussianMixture(logits, diagonal_gaussian(mean, log_variance))


def coupling_flow(
    inner: Array, bias: Array, outer: Array, *, base: Distribution | None = None
) -> Flow:
    """A base distribution transformed by L affine coupling layers (Dinh et al. 2017).

    Layer l keeps every second dimension; one hidden layer of H units maps these to the
    shift and scale of the others, with scales between e^-2 and e^2. ``outer`` = 0 is the
    identity. KLs to and from it are Monte Carlo estimates, and so is its ``mean()``.

    Args:
      inner: [L, ..., C, H]; bias: [L, ..., H]; outer: [L, ..., H, 2 C].
      base: batch [...], event [C]; None: N(0, I).

    Returns:
      Batch [...], event [C].
    """
    distrax, shape = _distrax(), inner.shape[1:-1]
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
    return Flow(standard_gaussian(shape) if base is None else base, distrax.Chain(layers))


def _shift_and_log_scale(inner: Array, bias: Array, outer: Array, x: Array) -> tuple[Array, Array]:
    hidden = jax.nn.relu(jnp.einsum("...c,...ch->...h", x, inner) + bias)
    shift, raw = jnp.split(jnp.einsum("...h,...hd->...d", hidden, outer), 2, axis=-1)
    return shift, 2.0 * jnp.tanh(0.5 * raw)


def bernoulli(logits: Array, event_ndims: int) -> IndependentBernoulli:
    """Independent Bernoullis from logits; the last ``event_ndims`` axes are one event.

    ``log_prob`` works from the logits, so a saturated pixel costs a finite
    number of nats (the sigmoid of thesis B.1.1 is for figures only).
    """
    return IndependentBernoulli(logits, event_ndims)


def categorical(logits: Array) -> Distribution:
    """A categorical from unnormalised logits [..., M]; batch [...], scalar event."""
    return _distrax().Categorical(logits=logits)


def as_distrax(distribution: Distribution) -> Distribution:
    """The distrax form of a distribution, for the KLs that distrax registers."""
    if isinstance(distribution, DiagonalGaussian):
        distrax = _distrax()
        return distrax.Independent(distrax.Normal(distribution.loc, distribution.stddev()), 1)
    if isinstance(distribution, IndependentBernoulli):
        distrax, logits = _distrax(), distribution.logits
        each = distrax.Bernoulli(logits=logits, dtype=logits.dtype)
        return distrax.Independent(each, distribution.event_ndims)
    return distribution


def sample(distribution: Distribution, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
    """A sample: ``sample_shape`` before the batch and the event."""
    with jax.numpy_rank_promotion("allow"):
        return distribution.sample(seed=key, sample_shape=sample_shape)


def log_prob(distribution: Distribution, value: Array) -> Array:
    """log p(value) in nats; leading axes of ``value`` beyond the batch are broadcast."""
    with jax.numpy_rank_promotion("allow"):
        return distribution.log_prob(jnp.asarray(value))


def kl(
    q: Distribution, p: Distribution, draw: Array, *, method: KLMethod = "analytic"
) -> Divergence:
    """KL(q || p) in nats, in closed form where one exists (thesis A.3, A.4).

    Args:
      q: batch [...].
      p: the same event; its batch broadcasts against q's.
      draw: a sample of q, [..., *event], for a Monte Carlo estimate.
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


def require_support(distribution: Distribution, value: np.ndarray, what: str) -> None:
    """Refuse values outside the support of a distribution.

    A distribution's own ``check_support(value, what)`` is used where it exists; of distrax's,
    Bernoullis and categoricals are checked. Any other accepts all finite values.

    Args:
      distribution: of the values' last axes.
      value: finite, of any shape, on the host.
      what: its name, which opens the message.

    Raises:
      InputError: then.
    """
    while _is_distrax(distribution, "Independent"):
        distribution = distribution.distribution
    if hasattr(distribution, "check_support"):
        distribution.check_support(value, what)
    elif _is_distrax(distribution, "Bernoulli"):
        check_binary(value, what)
    elif _is_distrax(distribution, "Categorical"):
        most = distribution.num_categories
        if not ((value == np.round(value)) & (value >= 0) & (value < most)).all():
            raise InputError(
                f"{what}: values from {value.min():g} to {value.max():g}; accepted: whole numbers "
                f"from 0 to {most - 1}, for a categorical likelihood"
            )


def _closed_form(q: Distribution, p: Distribution) -> Array | None:
    diagonal_q, diagonal_p = _diagonal_moments(q), _diagonal_moments(p)
    if diagonal_q and diagonal_p:
        return diagonal_gaussian_kl(*diagonal_q, *diagonal_p)
    if diagonal_p and _is_distrax(q, "MultivariateNormalTri"):
        return triangular_gaussian_kl(q.loc, q.scale_tri, *diagonal_p)
    full_q, full_p = _moments(q), _moments(p)
    if full_q and full_p:
        return gaussian_kl(*full_q, *full_p)
    if _is_distrax(q, "Categorical") and _is_distrax(p, "Categorical"):
        return categorical_kl(q.logits, p.logits)
    ours = (DiagonalGaussian, IndependentBernoulli)
    if not all(isinstance(one, ours) or hasattr(one, "kl_divergence") for one in (q, p)):
        return None
    try:
        with jax.numpy_rank_promotion("allow"):
            return as_distrax(q).kl_divergence(as_distrax(p))
    except NotImplementedError:
        return None


def _diagonal_moments(distribution: Distribution) -> tuple[Array, Array] | None:
    """(mean, log variance) of any class of diagonal Gaussian vector."""
    if isinstance(distribution, DiagonalGaussian):
        return distribution.loc, distribution.log_variance
    if _is_distrax(distribution, "MultivariateNormalDiag"):
        return distribution.loc, 2.0 * jnp.log(distribution.scale_diag)
    if _is_distrax(distribution, "Independent"):
        inner = distribution.distribution
        is_vector = len(distribution.event_shape) == 1 and inner.event_shape == ()
        if is_vector and _is_distrax(inner, "Normal"):
            return inner.loc, 2.0 * jnp.log(inner.scale)
    return None


def _moments(distribution: Distribution) -> tuple[Array, Array] | None:
    """(mean, covariance) of any Gaussian vector."""
    diagonal = _diagonal_moments(distribution)
    if diagonal:
        mean, log_variance = diagonal
        return mean, _diagonal_matrix(jnp.exp(log_variance))
    if _is_distrax(distribution, "MultivariateNormalFromBijector"):
        with jax.numpy_rank_promotion("allow"):
            return distribution.loc, distribution.covariance()
    return None


def _distrax() -> Any:
    """Import distrax if it is not imported yet."""
    import distrax

    return distrax


def _is_distrax(distribution: Distribution, kind: str) -> bool:
    """Whether it is an instance of a distrax class; False while distrax is not imported."""
    package = sys.modules.get("distrax")
    return package is not None and isinstance(distribution, getattr(package, kind))
