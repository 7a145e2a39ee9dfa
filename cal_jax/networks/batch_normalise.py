"""Batch normalisation by the statistics of a batch, with a gradient written out.

XLA:CPU spends two thirds of the time on it that the derivative of the plain
formula takes: one pass over x less in each direction. What needs no other
device is traced once for its shapes, and vectors are made several at a time:
a model has dozens of these layers, and XLA compiles a kernel for every array.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.networks.as_row import as_row
from cal_jax.networks.batch_moments import (
    Axes,
    Rows,
    at_least_one,
    axes_of,
    batch_moments,
    sum_rows,
    sums_over,
)
from cal_jax.one_array import by_one_kernel


class BatchNormalised(NamedTuple):
    """x normalised, and the statistics that did it; no gradient flows through these."""

    y: Array
    """[..., F]"""
    mean: Array
    """[F]"""
    variance: Array
    """[F]: about the mean, biased."""
    rows: Array
    """[]: rows that counted, over all the named axes."""


class _Residuals(NamedTuple):
    x: Array
    mean: Array
    inverse: Array
    factor: Array
    rows: Rows
    weights: Array | None


def batch_normalise(
    axes: tuple[str, ...],
    epsilon: float,
    x: Array,
    scale: Array,
    bias: Array,
    weights: Array | None,
) -> BatchNormalised:
    """Normalise x over every axis but the last, and over the named axes together.

    Ioffe & Szegedy 2015. The variance is taken about the mean: a difference of
    large sums would cost the digits in which one device and several agree.
    Reverse-mode differentiation only.

    Args:
      axes: names of mapped axes around the call.
      epsilon: added to the variance.
      x: [..., F].
      scale, bias: [F].
      weights: [..., 1], 1 for the rows that count and 0 for the others; None
        when all count.

    Returns:
      BatchNormalised; with no row that counts, mean and variance are 0.
    """
    return _normalise(axes_of(axes), epsilon, x, scale, bias, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _normalise(
    axes: Axes, epsilon: float, x: Array, scale: Array, bias: Array, weights: Array | None
) -> BatchNormalised:
    return _forward(axes, epsilon, x, scale, bias, weights)[0]


def _forward(
    axes: Axes, epsilon: float, x: Array, scale: Array, bias: Array, weights: Array | None
) -> tuple[BatchNormalised, _Residuals]:
    *moments, rows = batch_moments(axes, x, weights)
    mean, variance, inverse, factor, offset = _affine(epsilon, *moments, scale, bias)
    residuals = _Residuals(x, mean, inverse, factor, rows, weights)
    y = _transformed(x, factor, offset)
    return BatchNormalised(y, mean, variance, jnp.asarray(rows)), residuals


def _backward(
    axes: Axes, epsilon: float, residuals: _Residuals, cotangents: BatchNormalised
) -> tuple[Array, Array, Array, Array | None]:
    """Each mapped instance's own share of the gradients of scale and bias, and dx."""
    del epsilon
    x, mean, inverse, factor, rows, weights = residuals
    d_bias, d_scale = _own_gradients(cotangents.y, x, mean, inverse)
    of_all = sums_over(axes, d_bias, d_scale)
    slope, offset = _through_statistics(mean, inverse, factor, *of_all, at_least_one(rows))
    dx = _input_gradient(cotangents.y, x, factor, slope, offset, weights)
    return dx, d_scale, d_bias, None if weights is None else jnp.zeros_like(weights)


_normalise.defvjp(_forward, _backward)


@functools.partial(jax.jit, static_argnums=0)
def _affine(
    epsilon: float, mean: Array, variance: Array, scale: Array, bias: Array
) -> tuple[Array, ...]:
    """Mean, variance, 1 / deviation, and the factor and offset that make y of x; each [F].

    The parameters stay out of the kernel that layers of one width have in common.
    """
    inverse = jax.lax.rsqrt(variance + epsilon)
    mean, variance, inverse = by_one_kernel(mean, variance, inverse)
    factor = scale * inverse
    return mean, variance, inverse, factor, bias - mean * factor


@jax.jit
def _transformed(x: Array, factor: Array, offset: Array) -> Array:
    return x * as_row(factor, x) + as_row(offset, x)


@jax.jit
def _own_gradients(dy: Array, x: Array, mean: Array, inverse: Array) -> tuple[Array, Array]:
    """Of bias and scale. The barrier keeps the sums: XLA would take that of dy anew for the
    bias, over all the sets at once."""
    of_dy, of_product = jax.lax.optimization_barrier((sum_rows(dy), sum_rows(dy * x)))
    return of_dy, (of_product - mean * of_dy) * inverse


@jax.jit
def _through_statistics(
    mean: Array, inverse: Array, factor: Array, all_bias: Array, all_scale: Array, rows: Rows
) -> list[Array]:
    """What dx takes off for each unit of x, and what it adds: each [F]."""
    slope = factor * inverse * all_scale / rows
    return by_one_kernel(slope, slope * mean - factor * all_bias / rows)


@jax.jit
def _input_gradient(
    dy: Array, x: Array, factor: Array, slope: Array, offset: Array, weights: Array | None
) -> Array:
    through_statistics = as_row(offset, x) - x * as_row(slope, x)
    if weights is not None:
        through_statistics = through_statistics * weights
    return dy * as_row(factor, x) + through_statistics
