"""Normalisation layers with the signature ``layer(x, ctx)``, and weight normalisation."""

import math
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from cal_jax import fast
from cal_jax.errors import InputError
from cal_jax.fast.batch_norm import BatchNormalised, batch_norm
from cal_jax.nn.apply_context import ApplyContext

Norm = Literal["batch", "layer", "weight", "none"]
"""Normalisation of a hidden layer; "weight" divides its kernel by its norm."""


class BatchNorm(nn.Module):
    """Batch normalisation over items, positions and all the mapped axes of a pass.

    Statistics are sums divided by counts, over every axis but the last
    and over the named axes together, so sets of unequal sizes weigh by their
    items, and padding and empty sets have no weight. (linen's
    masked BatchNorm averages the sets' means instead.) Ioffe & Szegedy 2015;
    thesis 4.4, 5.3.1 and 6.4.1.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, ctx: ApplyContext) -> Array:
        """Normalise x [..., F]; in training, update the running averages."""
        shape = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        variance = self.variable("batch_stats", "variance", jnp.ones, shape)

        if ctx.axes is None:
            factor = scale * jax.lax.rsqrt(variance.value + self.epsilon)
            return x * _row(factor, x) + _row(bias - mean.value * factor, x)

        axes = () if self.is_initializing() else ctx.axes
        form = batch_norm if fast.enabled() else plain_batch_norm
        batch = form(x, scale, bias, _row_weights(x, ctx.mask), axes, self.epsilon)
        if not self.is_initializing():
            rate = (1.0 - self.momentum) * (batch.rows > 0)
            mean.value += rate * (batch.mean - mean.value)
            variance.value += rate * (batch.variance - variance.value)
        return batch.y


def plain_batch_norm(
    x: Array,
    scale: Array,
    bias: Array,
    weights: Array | None,
    axes: tuple[str, ...],
    epsilon: float,
) -> BatchNormalised:
    """The formula of ``fast.batch_norm.batch_norm``, which has its arguments."""
    if weights is None:
        weights = jnp.ones((1,) * x.ndim, x.dtype)
    each = math.prod(x.shape[:-1]) // max(weights.size, 1)
    rows = each * jax.lax.psum(jnp.sum(weights), axes)

    def mean_of(values: Array) -> Array:
        total = jnp.sum(values * weights, axis=range(x.ndim - 1))
        return jax.lax.psum(total, axes) / jnp.maximum(rows, 1.0)

    mean = mean_of(x)
    variance = mean_of(jnp.square(x - _row(mean, x)))
    normalised = (x - _row(mean, x)) * _row(jax.lax.rsqrt(variance + epsilon), x)
    y = normalised * _row(scale, x) + _row(bias, x)
    return BatchNormalised(y, *jax.lax.stop_gradient((mean, variance, rows)))


def _row(values: Array, like: Array) -> Array:
    """Values [F] with leading axes of 1, as many as x [..., F] has."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)


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
    """Layer normalisation over the features of each row, independent of batch and mask."""

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
    """The layer of that name; the identity for "weight", see ``normalised``.

    Raises:
      InputError: for an unknown name.
    """
    layers = {"batch": BatchNorm, "layer": LayerNorm, "weight": Identity, "none": Identity}
    if norm not in layers:
        raise InputError(f"norm must be one of {', '.join(get_args(Norm))}: got {norm!r}")
    return layers[norm]()


class WeightNorm(nn.Module):
    """A layer whose kernel is ``scale * v / ||v||``, unit by unit (Salimans & Kingma 2016).

    The layer's parameter "kernel" is v; ``scale`` [F] starts at 1.
    """

    layer: nn.Module
    """With a kernel [..., F]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """The layer's outputs [..., F]."""
        features: int = self.layer.features
        scale = self.param("scale", nn.initializers.ones, (features,))

        def normalise(variables: Any) -> Any:
            v = variables["params"]["kernel"]
            inverse = jax.lax.rsqrt(jnp.sum(jnp.square(v), axis=range(v.ndim - 1)) + 1e-12)
            kernel = v * _row(scale * inverse, v)
            return {"params": {**variables["params"], "kernel": kernel}}

        def outputs(layer: Any) -> Array:
            y: Array = layer(x)
            return y

        mapped = nn.map_variables(
            outputs, "params", trans_in_fn=normalise, init=self.is_initializing()
        )
        y: Array = mapped(self.layer)
        return y


def normalised(layer: nn.Module, x: Array, ctx: ApplyContext, norm: Norm) -> Array:
    """A layer's outputs with weight or output normalisation. Called in a compact method."""
    y = weighted(layer, norm)(x)
    z: Array = normalisation(norm)(y, ctx)
    return z


def weighted(layer: nn.Module, norm: Norm) -> Any:
    """The layer, with weight normalisation where ``norm`` asks for it."""
    return WeightNorm(layer) if norm == "weight" else layer


def has_bias(norm: Norm) -> bool:
    """Whether a layer before this normalisation has a bias; other normalisations add one."""
    return norm in ("weight", "none")
