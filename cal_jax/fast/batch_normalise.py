"""Batch normalisation by the statistics of a batch, with a gradient written out.

XLA:CPU spends two thirds of the time on it that the derivative of the plain
formula takes: one pass over x less in each direction. What takes rows is not
traced for their mapped axes, and vectors are made several at a time: a model has
dozens of these layers, and XLA compiles a kernel for every array.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.fast.as_row import as_row
from cal_jax.fast.batch_moments import (
    Axes,
    Rows,
    at_least_one,
    axes_of,
    batch_moments,
    sums_of_each,
    sums_over_devices,
)
from cal_jax.fast.flatten import by_one_kernel
from cal_jax.fast.row_function import RowFunction


class BatchNormalised(NamedTuple):
    """x normalised, and the running averages after it; no gradient flows through these."""

    y: Array
    """[..., F]"""
    averages: tuple[Array, Array]
    """Of the means and of the variances, [F] each."""


class Constants(NamedTuple):
    """What a layer adds to the variance, and how much of the averages it keeps at a batch."""

    epsilon: float = 1e-5
    momentum: float = 0.9


class _Residuals(NamedTuple):
    x: Array
    mean: Array
    inverse: Array
    factor: Array
    rows: Rows
    weights: Array | None


def batch_normalise(
    axes: tuple[str, ...],
    constants: Constants,
    x: Array,
    scale: Array,
    bias: Array,
    averages: tuple[Array, Array],
    weights: Array | None,
) -> BatchNormalised:
    """Normalise x over every axis but the last, and over the named axes together.

    Ioffe & Szegedy 2015. The variance is taken about the mean: a difference of
    large sums would cost the digits in which one device and several agree.
    Reverse-mode differentiation only.

    Args:
      axes: names of mapped axes around the call.
      constants: of the layer.
      x: [..., F].
      scale, bias: [F].
      averages: running, of the means and of the (biased) variances, [F] each.
      weights: [..., 1], 1 for the rows that count and 0 for the others; None
        when all count.

    Returns:
      BatchNormalised; with no row that counts, mean and variance are 0, and the
      averages stay as they are.
    """
    return _normalise(axes_of(axes), constants, x, scale, bias, averages, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _normalise(axes: Axes, constants: Constants, *operands: Any) -> BatchNormalised:
    return _forward(axes, constants, *operands)[0]


def _forward(
    axes: Axes,
    constants: Constants,
    x: Array,
    scale: Array,
    bias: Array,
    averages: tuple[Array, Array],
    weights: Array | None,
) -> tuple[BatchNormalised, _Residuals]:
    *moments, rows = batch_moments(axes, x, weights)
    mean, inverse, averages, factor, offset = _affine(
        constants, *moments, rows, averages, scale, bias
    )
    (y,) = _transformed(axes.summed, (x,), (factor, offset))
    residuals = _Residuals(x, mean, inverse, factor, rows, weights)
    return BatchNormalised(y, averages), residuals


def _backward(
    axes: Axes, constants: Constants, residuals: _Residuals, cotangents: BatchNormalised
) -> tuple[Any, ...]:
    """dx, each mapped instance's own share of the gradients of scale and bias, and None: nothing
    flows into averages and weights."""
    del constants
    x, mean, inverse, factor, rows, weights = residuals
    dy = cotangents.y
    d_bias, d_scale, *of_device = _own_gradients(axes.summed, (dy, x), (mean, inverse))
    of_all = sums_over_devices(axes, *of_device)
    slope, offset = _through_statistics(mean, inverse, factor, *of_all, at_least_one(rows))
    (dx,) = _input_gradient(axes.summed, (dy, x, weights), (factor, slope, offset))
    return dx, d_scale, d_bias, None, None


_normalise.defvjp(_forward, _backward)


@functools.partial(jax.jit, static_argnums=0)
def _affine(
    constants: Constants,
    mean: Array,
    variance: Array,
    rows: Rows,
    averages: tuple[Array, Array],
    scale: Array,
    bias: Array,
) -> tuple[Array, Array, tuple[Array, Array], Array, Array]:
    """Mean, 1 / deviation, the averages, and the factor and offset that make y of x; each [F].

    The parameters stay out of the kernel that layers of one width have in common.
    """
    inverse = jax.lax.rsqrt(variance + constants.epsilon)
    mean, variance, inverse = by_one_kernel(mean, variance, inverse)
    rate = (1.0 - constants.momentum) * (rows > 0)
    means, variances = averages
    moved = means + rate * (mean - means), variances + rate * (variance - variances)
    factor = scale * inverse
    return mean, inverse, moved, factor, bias - mean * factor


@jax.jit
def _through_statistics(
    mean: Array, inverse: Array, factor: Array, all_bias: Array, all_scale: Array, rows: Rows
) -> list[Array]:
    """What dx takes off for each unit of x, and what it adds: each [F]."""
    slope = factor * inverse * all_scale / rows
    return by_one_kernel(slope, slope * mean - factor * all_bias / rows)


def _transform(_: int, rows: Sequence[Any], vectors: Sequence[Array]) -> tuple[Array]:
    (x,), (factor, offset) = rows, vectors
    return (x * as_row(factor, x) + as_row(offset, x),)


def _gradients(shared: int, rows: Sequence[Any], vectors: Sequence[Array]) -> tuple[Array, ...]:
    """Of bias and scale, of each instance and of all. The barrier keeps the sums: XLA would take
    that of dy anew for the bias, over all the sets at once."""
    (dy, x), (mean, inverse) = rows, vectors
    of_dy, of_product = jax.lax.optimization_barrier(
        (sums_of_each(shared, dy), sums_of_each(shared, dy * x))
    )
    d_scale = (of_product - as_row(mean, of_dy) * of_dy) * as_row(inverse, of_dy)
    axes = tuple(range(shared))
    return of_dy, d_scale, jnp.sum(of_dy, axis=axes), jnp.sum(d_scale, axis=axes)


def _gradient_of_x(_: int, rows: Sequence[Any], vectors: Sequence[Array]) -> tuple[Array]:
    (dy, x, weights), (factor, slope, offset) = rows, vectors
    through_statistics = as_row(offset, x) - x * as_row(slope, x)
    if weights is not None:
        through_statistics = through_statistics * weights
    return (dy * as_row(factor, x) + through_statistics,)


_transformed = RowFunction("normalised_rows", _transform, ("rows",))
_own_gradients = RowFunction("scale_and_bias_gradients", _gradients, ("own", "own", "sum", "sum"))
_input_gradient = RowFunction("normalised_rows_gradient", _gradient_of_x, ("rows",))
