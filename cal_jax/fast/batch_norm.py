"""Batch normalisation with a custom gradient.

XLA:CPU takes 1.5 times as long for the derivative of the plain formula
(``nn.norm.plain_batch_norm``): one pass over x more in each direction.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import DEVICE

NEIGHBOURS = 4
"""Rows summed first: as fast as 8, faster than 16, 25 or 50, for sets of 200."""
NARROW = 64
"""Rows with at most this many features, as in convolutions, are faster unsummed."""
FEW = 2**17
"""For small arrays, per-kernel overhead dominates."""


class BatchNormalised(NamedTuple):
    """Normalised x and its moments; no gradient flows through the moments."""

    y: Array
    """[..., F]"""
    mean: Array
    """[F]"""
    variance: Array
    """[F], biased."""
    rows: Array
    """[]: how many counted."""


class _Axes(NamedTuple):
    summed: tuple[str, ...]
    """Of ``jax.vmap``."""
    size: int
    """Instances that these map."""
    devices: bool
    """Whether there are several; with one, skip the all-gather: XLA would still copy."""


def batch_norm(
    x: Array,
    scale: Array,
    bias: Array,
    weights: Array | None,
    axes: tuple[str, ...],
    epsilon: float,
) -> BatchNormalised:
    """Normalise x over every axis but the last, and over the named axes together.

    Ioffe & Szegedy 2015. Reverse-mode differentiation only.

    Args:
      x: [..., F].
      scale, bias: [F].
      weights: [..., 1], 1 for the rows that count and 0 for the others; None when all count.
      axes: names of mapped axes around the call.
      epsilon: added to the variance.

    Returns:
      BatchNormalised; with no row that counts, mean and variance are 0.
    """
    x, scale, bias = jax.tree.map(
        lambda operand: operand.astype(jnp.result_type(x, scale, bias)), (x, scale, bias)
    )
    devices = DEVICE in axes and jax.lax.axis_size(DEVICE) > 1
    summed = tuple(name for name in axes if name != DEVICE)
    size = math.prod(jax.lax.axis_size(name) for name in summed)
    return _normalise(_Axes(summed, size, devices), epsilon, x, scale, bias, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _normalise(axes: _Axes, epsilon: float, *operands: Any) -> BatchNormalised:
    return _forward(axes, epsilon, *operands)[0]


def _forward(
    axes: _Axes, epsilon: float, x: Array, scale: Array, bias: Array, weights: Array | None
) -> tuple[BatchNormalised, tuple[Any, ...]]:
    mean, variance, rows = _moments(axes, x, weights)
    inverse = jax.lax.rsqrt(variance + epsilon)
    factor = scale * inverse
    y = x * _row(factor, x) + _row(bias - mean * factor, x)
    residuals = (x, mean, inverse, factor, rows, weights)
    return BatchNormalised(y, mean, variance, rows), residuals


def _backward(
    axes: _Axes, epsilon: float, residuals: tuple[Any, ...], cotangents: BatchNormalised
) -> tuple[Any, ...]:
    """dx, each mapped instance's own share of the gradients of scale and bias, and none of
    the weights."""
    del epsilon
    x, mean, inverse, factor, rows, weights = residuals
    dy = cotangents.y
    of_dy, of_product = jax.lax.optimization_barrier((_row_sum(axes, dy), _row_sum(axes, dy * x)))
    d_scale = (of_product - mean * of_dy) * inverse
    all_bias, all_scale = _summed(axes, of_dy, d_scale)
    slope = factor * inverse * all_scale / jnp.maximum(rows, 1.0)
    offset = slope * mean - factor * all_bias / jnp.maximum(rows, 1.0)
    through_statistics = _row(offset, x) - x * _row(slope, x)
    if weights is not None:
        through_statistics = through_statistics * weights
    return dy * _row(factor, x) + through_statistics, d_scale, of_dy, None


_normalise.defvjp(_forward, _backward)


def _moments(axes: _Axes, x: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Mean, variance and rows. The devices' own are combined from one message (Chan, Golub &
    LeVeque 1983): each variance is about its own mean, and no large sums cancel."""
    if weights is None:
        rows = jnp.asarray(math.prod(x.shape[:-1]) * axes.size, x.dtype)
    else:
        each = math.prod(x.shape[:-1]) // max(weights.size, 1)
        rows = each * jax.lax.psum(jnp.sum(weights), axes.summed)

    def mean_of(values: Array) -> Array:
        values = values if weights is None else values * weights
        return jax.lax.psum(_row_sum(axes, values), axes.summed) / jnp.maximum(rows, 1.0)

    mean = mean_of(x)
    variance = mean_of(jnp.square(x - _row(mean, x)))
    if not axes.devices:
        return mean, variance, rows
    message = jnp.concatenate([mean, variance, rows[None]])
    means, variances, counts = jnp.split(
        jax.lax.all_gather(message, DEVICE), [len(mean), 2 * len(mean)], axis=1
    )
    total = jnp.sum(counts)
    shares = counts / jnp.maximum(total, 1.0)
    mean = jnp.sum(shares * means, axis=0)
    about = variances + jnp.square(means - mean[None])
    return mean, jnp.sum(shares * about, axis=0), total


def _summed(axes: _Axes, *values: Array) -> list[Array]:
    """The sums of values [F] over the named axes; between devices, in one message."""
    total = jax.lax.psum(jnp.concatenate(values), axes.summed)
    if axes.devices:
        total = jnp.sum(jax.lax.all_gather(total, DEVICE), axis=0)
    return jnp.split(total, len(values))


def _row_sum(axes: _Axes, values: Array) -> Array:
    """The sum of values [..., F] over all axes but the last: [F].

    XLA:CPU does not fuse a sum over wide rows with their computation; the sum of
    neighbours is elementwise, so it is fused and leaves a quarter of the rows.
    """
    values = values.reshape(-1, values.shape[-1])
    rows, features = values.shape
    if features > NARROW and values.size * axes.size > FEW:
        count = next((count for count in range(NEIGHBOURS, 1, -1) if rows % count == 0), 1)
        parts = values.reshape(rows // count, count, features)
        values = functools.reduce(jnp.add, (parts[:, part] for part in range(count)))
    return jnp.sum(values, axis=0)


def _row(values: Array, like: Array) -> Array:
    """Values [F] with leading axes of 1, as many as x [..., F] has."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)
