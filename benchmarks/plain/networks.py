"""The subnetworks with nn.Dense, nn.Conv, nn.ConvTranspose and nn.BatchNorm, and nothing else.

Each has the parameters of its namesake in ``cal_jax.nn``, by name and shape.
"""

import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from cal_jax.nn.apply_context import ApplyContext
from cal_jax.nn.conv import halved_sizes
from cal_jax.nn.dense import GaussianParameters

Dense = nn.Dense
HIDDEN = nn.initializers.he_normal()
OUTPUT = nn.initializers.glorot_normal()
SMALL = nn.initializers.variance_scaling(0.01, "fan_avg", "truncated_normal")


def batch_norm(x: Array, run: ApplyContext) -> Array:
    """Normalise x [..., F] over items, positions and the mapped axes of the pass."""
    axes: Any = run.axes  # Flax's annotation knows one name alone
    layer = nn.BatchNorm(
        use_running_average=not run.training, momentum=0.9, epsilon=1e-5, axis_name=axes
    )
    return layer(x)


class MLP(nn.Module):
    """Hidden layers of given widths, each normalised and rectified."""

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array, run: ApplyContext) -> Array:
        """Map x [..., F] to [..., widths[-1]]."""
        for width in self.widths:
            x = nn.Dense(width, use_bias=False, kernel_init=HIDDEN)(x)
            x = nn.relu(batch_norm(x, run))
        return x


class MLPDecoder(nn.Module):
    """Hidden layers of given widths to outputs of a given shape."""

    shape: tuple[int, ...]
    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, run: ApplyContext, z: Array) -> Array:
        """Map z [N, Z] to outputs [N, *shape]."""
        hidden = MLP(self.widths, name="hidden")(z, run)
        outputs = nn.Dense(math.prod(self.shape), kernel_init=OUTPUT, name="output")(hidden)
        return outputs.reshape(-1, *self.shape)


class Embedding(nn.Module):
    """Inputs of several kinds, each embedded linearly and summed."""

    width: int

    @nn.compact
    def __call__(self, *inputs: Array) -> Array:
        """Embed inputs [..., F_i] into [..., width], the most leading axes of any input."""
        ndim = max(x.ndim for x in inputs)
        total: Array | None = None
        for index, x in enumerate(inputs):
            name = f"input_{index}"
            layer = nn.Dense(self.width, use_bias=False, kernel_init=HIDDEN, name=name)
            embedded = layer(x)
            embedded = embedded.reshape((1,) * (ndim - x.ndim) + embedded.shape)
            total = embedded if total is None else total + embedded
        assert total is not None
        return total


class ResidualMLP(nn.Module):
    """``depth`` hidden layers; with ``skip``, the first is added to the last."""

    width: int
    depth: int
    skip: bool

    @nn.compact
    def __call__(self, run: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [..., F_i] to [..., width]."""
        x = Embedding(self.width, name="embedding")(*inputs)
        first = x = nn.relu(batch_norm(x, run))
        for layer in range(1, self.depth):
            x = nn.Dense(self.width, use_bias=False, kernel_init=HIDDEN)(x)
            x = batch_norm(x, run)
            if self.skip and layer == self.depth - 1:
                x = x + first
            x = nn.relu(x)
        return x


class StatisticNetwork(nn.Module):
    """Pre-pooling network, mean over the items, post-pooling network."""

    width: int
    depth: int
    skip: bool

    @nn.compact
    def __call__(self, h: Array, run: ApplyContext) -> Array:
        """Map items h [N, F] to one statistic [width]."""
        items = ResidualMLP(self.width, self.depth, self.skip, name="pre_pool")(run, h)
        post_pool = ResidualMLP(self.width, self.depth, self.skip, name="post_pool")
        return post_pool(run, jnp.mean(items, axis=0))


class GaussianHead(nn.Module):
    """Linear outputs read as the mean and log variance of Gaussians of a given shape."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array) -> GaussianParameters:
        """Map x [..., F] to two arrays [..., *shape]."""
        size = 1
        for length in self.shape:
            size *= length
        outputs = nn.Dense(2 * size, kernel_init=SMALL)(x)
        mean, log_variance = jnp.split(outputs, 2, axis=-1)
        shape = (*x.shape[:-1], *self.shape)
        return GaussianParameters(mean.reshape(shape), log_variance.reshape(shape))


class ConvolutionalEncoder(nn.Module):
    """Groups of three 3x3 convolutions, the last of each group with stride 2."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: Array, run: ApplyContext) -> Array:
        """Map images x [N, H, W] to features [N, F]."""
        x = x[..., None]
        for width in self.widths:
            for stride in (1, 1, 2):
                layer = nn.Conv(width, (3, 3), strides=stride, use_bias=False, kernel_init=HIDDEN)
                x = nn.relu(batch_norm(layer(x), run))
        return x.reshape(x.shape[0], -1)


class ConvolutionalDecoder(nn.Module):
    """Groups of three transposed convolutions, the first of each group with stride 2."""

    image_size: int
    widths: Sequence[int]

    @nn.compact
    def __call__(self, run: ApplyContext, *inputs: Array) -> Array:
        """Map inputs [N, F_i] to Bernoulli logits [N, H, W]."""
        widths = tuple(reversed(self.widths))
        smallest, *sizes = reversed(halved_sizes(self.image_size, len(widths)))
        x = Embedding(smallest * smallest * widths[0])(*inputs)
        x = x.reshape(-1, smallest, smallest, widths[0])
        x = nn.relu(batch_norm(x, run))
        for width, size in zip(widths, sizes, strict=True):
            for stride in (2, 1, 1):
                pad = size + 2 - ((x.shape[1] - 1) * stride + 1)
                layer = nn.ConvTranspose(
                    width,
                    (3, 3),
                    strides=(stride, stride),
                    padding=[((pad + 1) // 2, pad // 2)] * 2,
                    use_bias=False,
                    kernel_init=HIDDEN,
                )
                x = nn.relu(batch_norm(layer(x), run))
        return nn.Conv(1, (3, 3), kernel_init=OUTPUT)(x)[..., 0]
