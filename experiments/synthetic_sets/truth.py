"""Exact densities and Bayes posteriors of synthetic sets.

Only for ``synthetic_sets(generator="population")``: a family uniform among four, with
mean m ~ U[-1, 1] and variance v ~ U[0.5, 2] (thesis section 5.3.1). The posterior is the
ceiling of every model that has to infer these from the items.

Shape letters: M sets, N items in a set, P points of a quadrature.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.synthetic import (
    EXPONENTIAL,
    FAMILIES,
    LAPLACIAN,
    MEAN_RANGE,
    MIXTURE,
    MIXTURE_OFFSET,
    VARIANCE_RANGE,
)

_COMPONENT_VARIANCE = 1 - MIXTURE_OFFSET**2  # of a mixture of variance 1
_EDGE_TOLERANCE = 1e-6  # in standard deviations: what rounding x, m and v to float32 can move


class ExactPosterior(NamedTuple):
    """The posterior of the distribution of every set, and the evidence of the set."""

    family_probabilities: jax.Array
    """float32 [M, 4], in the order of ``FAMILIES``: the Bayes classifier is its argmax."""
    mean: jax.Array
    """float32 [M]: the posterior mean of m, over all families."""
    variance: jax.Array
    """float32 [M]: the posterior mean of v, over all families."""
    log_evidence: jax.Array
    """float32 [M]: log p(D) in nats, with family, m and v integrated out."""


class _Points(NamedTuple):
    """A family's joint density p(D, m, v | family) as weighted points, all of shape [P]."""

    log_weight: jax.Array
    mean: jax.Array
    variance: jax.Array


@jax.jit
def log_density(x: jax.Array, family: jax.Array, mean: jax.Array, variance: jax.Array) -> jax.Array:
    """The log density of every item under the distribution of its set.

    Args:
        x: [M, N, 1].
        family: int [M], an index of ``FAMILIES``.
        mean: [M].
        variance: [M].

    Returns:
        [M, N], in nats; -inf outside the support of an exponential. An item within
        float32 rounding of the edge counts as inside.
    """
    log_scale = 0.5 * jnp.log(variance)[:, None]
    standard = (x[..., 0] - mean[:, None]) / jnp.sqrt(variance)[:, None]
    family = family[:, None]
    mixture = _log_standard_mixture(standard)
    laplacian = -0.5 * math.log(2) - math.sqrt(2) * jnp.abs(standard)
    above_edge = 1 + jnp.where(family == EXPONENTIAL, standard, -standard)
    exponential = jnp.where(above_edge >= -_EDGE_TOLERANCE, -above_edge, -jnp.inf)
    chosen = jnp.where(
        family == MIXTURE, mixture, jnp.where(family == LAPLACIAN, laplacian, exponential)
    )
    return chosen - log_scale


@jax.jit
def exact_posterior(x: jax.Array) -> ExactPosterior:
    """The Bayes posterior of family, m and v given each set, by quadrature.

    Gauss-Legendre points over m and v, closer together for larger sets, as the posterior
    narrows with 1 / sqrt(N). The exponentials have a hard edge, where the posterior of m
    is about 1 / N wide: there the integral over m is in closed form.

    Args:
        x: [M, N, 1], drawn from the "population" generator.

    Returns:
        The posterior and log p(D) in nats per set.
    """
    return jax.lax.map(_posterior_of_set, x[..., 0])


def _posterior_of_set(x: jax.Array) -> ExactPosterior:
    """Items [N] to a posterior without the axis M."""
    points = (_mixture(x), _laplacian(x), _exponential(x), _mirrored(_exponential(-x)))
    log_joint = [family.log_weight - math.log(len(FAMILIES)) for family in points]
    of_families = jnp.stack([jax.nn.logsumexp(family) for family in log_joint])
    log_evidence = jax.nn.logsumexp(of_families)
    posterior = jnp.exp(jnp.concatenate(log_joint) - log_evidence)
    return ExactPosterior(
        jnp.exp(of_families - log_evidence),
        posterior @ jnp.concatenate([family.mean for family in points]),
        posterior @ jnp.concatenate([family.variance for family in points]),
        log_evidence,
    )


def _mixture(x: jax.Array) -> _Points:
    num_items = len(x)
    m, log_m, v, log_v = _grid(9 * math.sqrt(num_items), 3.5 * math.sqrt(num_items))
    centred = x[None, :] - m[:, None]
    scale = jnp.sqrt(v)
    terms = _log_standard_mixture(centred[:, None, :] / scale[None, :, None])
    log_likelihood = terms.sum(-1) - num_items * jnp.log(scale)[None, :]
    return _on_grid(log_likelihood, m, log_m, v, log_v)


def _laplacian(x: jax.Array) -> _Points:
    # The likelihood depends on m through the summed distances alone, but has a kink at
    # every item: many points of m, which cost little.
    num_items = len(x)
    m, log_m, v, log_v = _grid(36 * math.sqrt(num_items), 3.5 * math.sqrt(num_items))
    distance = jnp.abs(x[None, :] - m[:, None]).sum(-1)
    log_likelihood = -math.sqrt(2) * distance[:, None] / jnp.sqrt(v)[None, :]
    log_likelihood -= 0.5 * num_items * (jnp.log(v) + math.log(2))[None, :]
    return _on_grid(log_likelihood, m, log_m, v, log_v)


def _exponential(x: jax.Array) -> _Points:
    """One point for every v, with m integrated out between -1 and the hard edge.

    With s = sqrt(v) and rate k = N / s the likelihood is s^-N exp(k (m - s - mean(x))) for
    m <= min(x) + s, and 0 above.
    """
    num_items = len(x)
    # The bound m <= 1 makes a corner in v: many points, which cost little.
    v, log_v = _legendre(36 * math.sqrt(num_items), *VARIANCE_RANGE)
    lowest, highest = MEAN_RANGE
    scale = jnp.sqrt(v)
    rate = num_items / scale
    upper = jnp.minimum(x.min() + scale, highest)
    length = jnp.maximum(upper - lowest, 0.0)
    exponent = rate * length
    log_integral = rate * (upper - scale - x.mean()) - jnp.log(rate)
    log_integral += jnp.log(-jnp.expm1(-exponent)) - math.log(highest - lowest)
    tiny = exponent < 1e-3  # there the density of m is flat
    safe = jnp.where(tiny, 1.0, exponent)
    below_upper = jnp.where(tiny, 0.5 * length, (1 - safe / jnp.expm1(safe)) / rate)
    return _Points(log_v - num_items * jnp.log(scale) + log_integral, upper - below_upper, v)


def _mirrored(points: _Points) -> _Points:
    return points._replace(mean=-points.mean)


def _log_standard_mixture(standard: jax.Array) -> jax.Array:
    """The log density of two equal Gaussians at +-0.9 with total variance 1."""
    distance = jnp.abs(standard)
    nearer = -0.5 * (distance - MIXTURE_OFFSET) ** 2 / _COMPONENT_VARIANCE
    log_ratio = -2 * MIXTURE_OFFSET / _COMPONENT_VARIANCE * distance  # farther over nearer
    return (
        nearer + jnp.log1p(jnp.exp(log_ratio)) - 0.5 * math.log(8 * math.pi * _COMPONENT_VARIANCE)
    )


def _on_grid(
    log_likelihood: jax.Array, m: jax.Array, log_m: jax.Array, v: jax.Array, log_v: jax.Array
) -> _Points:
    """Flatten a grid [points of m, points of v]."""
    log_weight = log_likelihood + log_m[:, None] + log_v[None, :]
    mean = jnp.broadcast_to(m[:, None], log_weight.shape)
    variance = jnp.broadcast_to(v[None, :], log_weight.shape)
    return _Points(log_weight.ravel(), mean.ravel(), variance.ravel())


def _grid(
    num_means: float, num_variances: float
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    return *_legendre(num_means, *MEAN_RANGE), *_legendre(num_variances, *VARIANCE_RANGE)


def _legendre(num_points: float, low: float, high: float) -> tuple[jax.Array, jax.Array]:
    """Points and log weights that average over U[low, high]; at least 64 points."""
    nodes, weights = _nodes(max(64, math.ceil(num_points)))
    points = 0.5 * (low + high) + 0.5 * (high - low) * nodes
    return jnp.asarray(points, jnp.float32), jnp.asarray(np.log(0.5 * weights), jnp.float32)


@functools.cache
def _nodes(num_points: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(num_points)
