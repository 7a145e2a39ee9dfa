"""Mean and variance of a batch over mapped axes and devices, with one message a batch.

Devices wait for each other at every message, and between processes the start of one takes
longer than what is in it: so each takes the moments of its own rows, and all are combined
from one gathered array.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.networks.row_sum import row_sum


class Axes(NamedTuple):
    """Names of mapped axes, by how what they map is added up."""

    summed: tuple[str, ...] = ()
    gathered: tuple[str, ...] = ()
    """That of the devices, where there are several."""


def axes_of(names: tuple[str, ...]) -> Axes:
    """The axes of these names; to be called where they are bound, as a rule of a derivative
    may run where they are not."""
    if DEVICE not in names or jax.lax.axis_size(DEVICE) == 1:
        return Axes(names)
    return Axes(tuple(name for name in names if name != DEVICE), (DEVICE,))


def batch_moments(axes: Axes, x: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """The mean and the variance of rows, over every axis but the last and the named axes.

    Those of the devices are combined as by Chan, Golub & LeVeque 1983: each variance is
    about its own mean, so no large sums are subtracted from each other.

    Args:
      axes: those of the maps around the call.
      x: [..., F].
      weights: [..., 1], 1 for the rows that count and 0 for the others; None
        when all count.

    Returns:
      mean [F], biased variance [F] and the rows that counted []; with none, all are 0.
    """

    def total(values: Array) -> Array:
        return _summed(axes, sum_rows(values if weights is None else values * weights))

    if weights is None:
        count = _summed(axes, jnp.asarray(math.prod(x.shape[:-1]), x.dtype))
    else:
        count = total(jnp.ones((*x.shape[:-1], 1), x.dtype))[0]
    rows = jnp.maximum(count, 1.0)
    mean = total(x) / rows
    variance = total(jnp.square(x - as_row(mean, x))) / rows
    if not axes.gathered:
        return mean, variance, count

    of_devices = _gathered(axes, jnp.concatenate([mean, variance, count[None]]))
    means, variances, counts = jnp.split(of_devices, [len(mean), 2 * len(mean)], axis=1)
    count = jnp.sum(counts)
    shares = counts / jnp.maximum(count, 1.0)
    mean = jnp.sum(shares * means, axis=0)
    about = variances + jnp.square(means - mean[None])
    return mean, jnp.sum(shares * about, axis=0), count


def sum_over(axes: Axes, values: Array) -> Array:
    """The sum of values [F] over the axes."""
    total = _summed(axes, values)
    return jnp.sum(_gathered(axes, total), axis=0) if axes.gathered else total


def _summed(axes: Axes, values: Array) -> Array:
    return jax.lax.psum(values, axes.summed) if axes.summed else values


def _gathered(axes: Axes, values: Array) -> Array:
    """Values [F] of every device, [D, F]."""
    return jax.lax.all_gather(values, axes.gathered)


def sum_rows(values: Array) -> Array:
    """The sum of values [..., F] over every axis but the last."""
    return row_sum(values.reshape(-1, values.shape[-1]))


def as_row(values: Array, like: Array) -> Array:
    """Values [F] with leading axes of 1, as many as x [..., F] has."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)
