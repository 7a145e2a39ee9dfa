"""Normalisation layers that share one call, ``layer(x, run)``."""

from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError
from cal_jax.networks.passes import Pass

Norm = Literal["batch", "layer", "none"]


class BatchNorm(nn.Module):
    """Batch normalisation over items, positions and all the mapped axes of a pass.

    Statistics are sums divided by counts, taken over every axis but the last
    and over the named axes together, so sets of unequal sizes weigh by their
    items, padding weighs nothing and an empty set changes nothing. (linen's
    masked BatchNorm averages the sets' means instead.) Ioffe & Szegedy 2015;
    thesis 4.4, 5.3.1 and 6.4.1.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, run: Pass) -> Array:
        """Normalise x [..., F]; in training, update the running averages."""
        shape = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        running_variance = self.variable("batch_stats", "variance", jnp.ones, shape)

        if run.training:
            mean, variance, count = _statistics(x, run, named=not self.is_initializing())
            if not self.is_initializing():
                momentum = jnp.where(count > 0, self.momentum, 1.0)
                for running, new in ((running_mean, mean), (running_variance, variance)):
                    running.value = momentum * running.value + (1.0 - momentum) * new
        else:
            mean, variance = running_mean.value, running_variance.value

        factor = scale * jax.lax.rsqrt(variance + self.epsilon)
        return x * _row(factor, x) + _row(bias - mean * factor, x)


def _statistics(x: Array, run: Pass, *, named: bool) -> tuple[Array, Array, Array]:
    """Mean [F], variance [F] and number of rows [] of the values that count.

    The variance is taken about the mean: a difference of large sums would cost
    the digits in which one device and several agree.
    """

    def total(values: Array) -> Array:
        values = values if weights is None else values * weights
        local = jnp.sum(values, axis=tuple(range(x.ndim - 1)))
        return jax.lax.psum(local, run.axes) if named else local

    weights = _row_weights(x, run.mask)
    count = total(jnp.ones((*x.shape[:-1], 1), x.dtype))[0]
    rows = jnp.maximum(count, 1.0)
    mean = total(x) / rows
    return mean, total(jnp.square(x - _row(mean, x))) / rows, count


def _row_weights(x: Array, mask: Array | None) -> Array | None:
    """1 for the rows of x [..., F] that count and 0 for the others, [..., 1]; None when all do."""
    if mask is None:
        return None
    weights = (mask > 0).astype(x.dtype)
    return weights.reshape(weights.shape + (1,) * (x.ndim - weights.ndim))


def _row(values: Array, like: Array) -> Array:
    return values.reshape((1,) * (like.ndim - 1) + values.shape)


class LayerNorm(nn.Module):
    """Layer normalisation over the features of each row: blind to the batch and the mask."""

    @nn.compact
    def __call__(self, x: Array, run: Pass) -> Array:
        """Normalise x [..., F]."""
        del run
        return nn.LayerNorm()(x)


class Identity(nn.Module):
    """No normalisation."""

    def __call__(self, x: Array, run: Pass) -> Array:
        """Return x."""
        del run
        return x


def normalisation(norm: Norm) -> nn.Module:
    """The layer of that name.

    Raises:
      InputError: for an unknown name.
    """
    layers = {"batch": BatchNorm, "layer": LayerNorm, "none": Identity}
    if norm not in layers:
        raise InputError(f"norm must be one of {', '.join(get_args(Norm))}: got {norm!r}")
    return layers[norm]()
