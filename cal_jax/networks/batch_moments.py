"""Mean and variance of a batch over mapped axes and devices, with one message a batch.

Devices wait for each other at every message, and between processes the start of one takes
longer than what is in it: so each takes the moments of its own rows, and all are combined
from one gathered array. Where every row counts, their number is known and is not sent.

What needs no message is traced once for its shapes: a model has dozens of these layers.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.networks.as_row import as_row
from cal_jax.networks.row_sum import row_sum

Rows = Array | float
"""How many rows counted: a number where all do."""


class Axes(NamedTuple):
    """Names of mapped axes, by how what they map is added up."""

    summed: tuple[str, ...] = ()
    gathered: tuple[str, ...] = ()
    """That of the devices, where there are several."""
    size: int = 1
    """How many instances the summed ones map."""


def axes_of(names: tuple[str, ...]) -> Axes:
    """The axes of these names; to be called where they are bound, as a rule of a derivative
    may run where they are not. A single device has no message for anyone: XLA would copy it."""
    gathered = tuple(name for name in names if name == DEVICE and jax.lax.axis_size(name) > 1)
    summed = tuple(name for name in names if name != DEVICE)
    return Axes(summed, gathered, math.prod(jax.lax.axis_size(name) for name in summed))


def batch_moments(axes: Axes, x: Array, weights: Array | None) -> tuple[Array, Array, Rows]:
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
    rows = _rows(axes, x, weights)
    mean = _summed(axes, _sum(x, weights)) / at_least_one(rows)
    variance = _summed(axes, _sum_of_squares(x, mean, weights)) / at_least_one(rows)
    if not axes.gathered:
        return mean, variance, rows
    if isinstance(rows, float):
        means, variances = _gathered(axes, [mean, variance])
        return *_combined(means, variances, 1 / len(means)), rows * len(means)
    means, variances, counts = _gathered(axes, [mean, variance, rows[None]])
    rows = _over_devices(counts)[0]
    return *_combined(means, variances, counts / at_least_one(rows)), rows


def at_least_one(rows: Rows) -> Rows:
    """What a sum over the rows is divided by."""
    return max(rows, 1.0) if isinstance(rows, float) else jnp.maximum(rows, 1.0)


def sums_over(axes: Axes, *values: Array) -> list[Array]:
    """The sums of values [F] over the axes."""
    totals = [_summed(axes, each) for each in values]
    return [_over_devices(each) for each in _gathered(axes, totals)] if axes.gathered else totals


def sum_rows(values: Array) -> Array:
    """The sum of values [..., F] over every axis but the last."""
    return row_sum(values.reshape(-1, values.shape[-1]))


def _rows(axes: Axes, x: Array, weights: Array | None) -> Rows:
    if weights is not None:
        return _summed(axes, _sum(jnp.ones((*x.shape[:-1], 1), x.dtype), weights))[0]
    return float(math.prod(x.shape[:-1]) * axes.size)


@jax.jit
def _sum(x: Array, weights: Array | None) -> Array:
    return sum_rows(x if weights is None else x * weights)


@jax.jit
def _sum_of_squares(x: Array, mean: Array, weights: Array | None) -> Array:
    return _sum(jnp.square(x - as_row(mean, x)), weights)


@jax.jit
def _combined(means: Array, variances: Array, shares: Array | float) -> tuple[Array, Array]:
    """Of the moments of devices [D, F] and their shares of the rows, [D, 1] or one for all."""
    mean = _over_devices(shares * means)
    about = variances + jnp.square(means - mean[None])
    return mean, _over_devices(shares * about)


def _summed(axes: Axes, values: Array) -> Array:
    return jax.lax.psum(values, axes.summed) if axes.summed else values


def _gathered(axes: Axes, values: list[Array]) -> Sequence[Array]:
    """Values [F] of every device, [D, F], by one message."""
    gathered = jax.lax.all_gather(jax.lax.concatenate(values, 0), axes.gathered)
    return jax.lax.split(gathered, [len(each) for each in values], axis=1)


def _over_devices(values: Array) -> Array:
    """The sum of values [D, F] over D, by halves: XLA needs no kernel for a few additions."""
    parts = list(jax.lax.split(values, [1] * len(values), axis=0))
    while len(parts) > 1:
        half = len(parts) // 2
        pairs = zip(parts[:half], parts[half : 2 * half], strict=True)
        parts = [jax.lax.add(one, other) for one, other in pairs] + parts[2 * half :]
    return jax.lax.squeeze(parts[0], [0])
