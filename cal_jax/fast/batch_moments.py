"""Mean and variance of a batch over mapped axes and devices, with one message a batch.

Devices wait for each other at every message, and between processes the start of one takes
longer than what is in it: so each takes the moments of its own rows, and all are combined
from one gathered array. Where every row counts, their number is known and is not sent.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.fast.as_row import as_row
from cal_jax.fast.row_function import RowFunction
from cal_jax.fast.row_sum import row_sum

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
    mean, variance = _moments(axes.summed, (x, weights))
    if not axes.gathered:
        return mean, variance, rows
    if isinstance(rows, float):
        devices = math.prod(jax.lax.axis_size(name) for name in axes.gathered)
        return *_combined(axes, mean, variance, None)[:2], rows * devices
    return _combined(axes, mean, variance, rows)


def at_least_one(rows: Rows) -> Rows:
    """What a sum over the rows is divided by."""
    return max(rows, 1.0) if isinstance(rows, float) else jnp.maximum(rows, 1.0)


def sums_over_devices(axes: Axes, *values: Array) -> Sequence[Array]:
    """The sums of values [F] over the devices."""
    return _summed(axes, values) if axes.gathered else values


def sums_of_each(shared: int, values: Array) -> Array:
    """The sum of values [*shared, ..., F] over all axes but the first ``shared`` and the last."""
    lead = values.shape[:shared]
    return row_sum(values.reshape(*lead, -1, values.shape[-1]))


def sum_of_all(shared: int, values: Array) -> Array:
    """The sum of values [*shared, ..., F] over all axes but the last."""
    return jnp.sum(sums_of_each(shared, values), axis=tuple(range(shared)))


def _rows(axes: Axes, x: Array, weights: Array | None) -> Rows:
    if weights is None:
        return float(math.prod(x.shape[:-1]) * axes.size)
    return _positions(x, weights) * _total(axes.summed, (weights,))[0][0]


def _positions(x: Array, weights: Array) -> int:
    """Rows of x for each of the weights."""
    return math.prod(x.shape[:-1]) // max(weights.size, 1)


def _moments_of_rows(shared: int, rows: Sequence[Any], _: Sequence[Array]) -> tuple[Array, Array]:
    x, weights = rows
    count: Rows = float(math.prod(x.shape[:-1]))
    if weights is not None:
        count = _positions(x, weights) * sum_of_all(shared, weights)
    count = at_least_one(count)

    def mean_of(values: Array) -> Array:
        return sum_of_all(shared, values if weights is None else values * weights) / count

    mean = mean_of(x)
    return mean, mean_of(jnp.square(x - as_row(mean, x)))


_moments = RowFunction("batch_moments", _moments_of_rows, ("mean", "mean"))
_total = RowFunction(
    "sum_of_rows", lambda shared, rows, _: (sum_of_all(shared, rows[0]),), ("sum",)
)


@functools.partial(jax.jit, static_argnums=0)
def _combined(
    axes: Axes, mean: Array, variance: Array, rows: Array | None
) -> tuple[Array, Array, Any]:
    """Moments of all devices from those of each, and the rows of all; None where they are known."""
    counted = () if rows is None else (rows[None],)
    means, variances, *counts = _gathered(axes, (mean, variance, *counted))
    total = _over_devices(counts[0])[0] if counts else None
    shares = 1 / len(means) if total is None else counts[0] / at_least_one(total)
    mean = _over_devices(shares * means)
    about = variances + jnp.square(means - mean[None])
    return mean, _over_devices(shares * about), total


@functools.partial(jax.jit, static_argnums=0)
def _summed(axes: Axes, values: Sequence[Array]) -> Sequence[Array]:
    return [_over_devices(each) for each in _gathered(axes, values)]


def _gathered(axes: Axes, values: Sequence[Array]) -> Sequence[Array]:
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
