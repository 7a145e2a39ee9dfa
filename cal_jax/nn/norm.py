"""Normalisation layers that share one call, ``layer(x, ctx)``."""

from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError
from cal_jax.fast.as_row import as_row
from cal_jax.fast.batch_normalise import Constants, batch_normalise
from cal_jax.fast.parameter import parameter
from cal_jax.nn.apply_context import ApplyContext

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
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Normalise x [..., F]; in training, update the running averages."""
        shape = x.shape[-1:]
        scale = parameter(self, "scale", nn.initializers.ones, shape)
        bias = parameter(self, "bias", nn.initializers.zeros, shape)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        running_variance = self.variable("batch_stats", "variance", jnp.ones, shape)

        averages = running_mean.value, running_variance.value

        if not ctx.training:
            factor = scale * jax.lax.rsqrt(averages[1] + self.epsilon)
            return x * as_row(factor, x) + as_row(bias - averages[0] * factor, x)

        axes = () if self.is_initializing() or ctx.axes is None else ctx.axes
        constants = Constants(self.epsilon, self.momentum)
        weights = _row_weights(x, ctx.mask)
        y, averages = batch_normalise(axes, constants, x, scale, bias, averages, weights)
        if not self.is_initializing():
            running_mean.value, running_variance.value = averages
        return y


def _row_weights(x: Array, mask: Array | None) -> Array | None:
    """1 for the rows of x [..., F] that count and 0 for the others, [..., 1]; None when all do."""
    if mask is None:
        return None
    if mask.ndim and mask.shape[0] != x.shape[0]:
        raise InputError(
            f"the pass has a mask of {mask.shape[0]} items, the layer {x.shape[0]} rows: several "
            "latent samples of an item and a mask go together in evaluation alone"
        )
    weights = (mask > 0).astype(x.dtype)
    return weights.reshape(weights.shape + (1,) * (x.ndim - weights.ndim))


class LayerNorm(nn.Module):
    """Layer normalisation over the features of each row: blind to the batch and the mask."""

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Normalise x [..., F]."""
        del ctx
        return nn.LayerNorm()(x)


class Identity(nn.Module):
    """No normalisation."""

    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Return x."""
        del ctx
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
