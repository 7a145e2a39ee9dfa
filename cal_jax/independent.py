"""Distributions of independent dimensions: the diagonal Gaussian and the Bernoulli."""

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax import noise
from cal_jax.errors import InputError

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DiagonalGaussian:
    """A Gaussian with diagonal covariance; batch [...], event [C].

    Made by ``distributions.diagonal_gaussian``, which broadcasts its arrays.
    """

    loc: Array
    """[..., C]: the mean."""
    log_variance: Array
    """[..., C]."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """[...]."""
        return self.loc.shape[:-1]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(C,)."""
        return self.loc.shape[-1:]

    def mean(self) -> Array:
        """[..., C]."""
        return self.loc

    def mode(self) -> Array:
        """[..., C]."""
        return self.loc

    def stddev(self) -> Array:
        """[..., C]."""
        return jnp.exp(0.5 * self.log_variance)

    def variance(self) -> Array:
        """[..., C]."""
        return jnp.exp(self.log_variance)

    def entropy(self) -> Array:
        """[...] nats."""
        return jnp.sum(0.5 + _HALF_LOG_2PI + 0.5 * self.log_variance, axis=-1)

    def sample(self, *, seed: Array, sample_shape: int | tuple[int, ...] = ()) -> Array:
        """A draw, [*sample_shape, ..., C].

        The noise is distrax's.
        """
        shape = (*_as_shape(sample_shape), *self.loc.shape)
        drawn = noise.normal(seed, shape, self.loc.dtype)
        return _lift(self.stddev(), shape) * drawn + _lift(self.loc, shape)

    def log_prob(self, value: Array) -> Array:
        """log p(value) in nats; leading axes of ``value`` beyond the batch are broadcast."""
        standardised = (value - self.loc) * jnp.exp(-0.5 * self.log_variance)
        normaliser = _HALF_LOG_2PI + 0.5 * self.log_variance
        return jnp.sum(-0.5 * jnp.square(standardised) - normaliser, axis=-1)

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Every finite number has a density."""


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["logits"], meta_fields=["event_ndims"]
)
@dataclass(frozen=True)
class IndependentBernoulli:
    """Independent Bernoullis from logits. See ``distributions.bernoulli``."""

    logits: Array
    """[..., *X]."""
    event_ndims: int
    """Axes of X."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """[...]."""
        return self.logits.shape[: self.logits.ndim - self.event_ndims]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """X."""
        return self.logits.shape[self.logits.ndim - self.event_ndims :]

    def mean(self) -> Array:
        """[..., *X]: the probabilities of 1."""
        return jax.nn.sigmoid(self.logits)

    def mode(self) -> Array:
        """[..., *X] in {0, 1}."""
        return (self.logits > 0.0).astype(self.logits.dtype)

    def variance(self) -> Array:
        """[..., *X]."""
        return self.mean() * (1.0 - self.mean())

    def sample(self, *, seed: Array, sample_shape: int | tuple[int, ...] = ()) -> Array:
        """A draw in {0, 1}, of the logits' dtype, [*sample_shape, ..., *X]."""
        shape = (*_as_shape(sample_shape), *self.logits.shape)
        drawn = noise.uniform(seed, shape, self.logits.dtype)
        return (drawn < _lift(self.mean(), shape)).astype(self.logits.dtype)

    def log_prob(self, value: Array) -> Array:
        """log p(value) in nats, from one logarithm a pixel where distrax computes two.

        Exact for saturated logits, whose product and positive part are equal or zero.
        """
        positive = jnp.maximum(self.logits, 0.0)
        linear = value * self.logits - positive
        each = linear - jnp.log1p(jnp.exp(self.logits - 2.0 * positive))
        return jnp.sum(each, axis=tuple(range(-self.event_ndims, 0)))

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Refuse values that are neither 0 nor 1.

        Args:
          value: of any shape.
          what: its name, which opens the message.

        Raises:
          InputError: then.
        """
        check_binary(value, what)


def check_binary(value: np.ndarray, what: str) -> None:
    """Refuse values that are neither 0 nor 1.

    Raises:
      InputError: then; it names the smallest and the largest.
    """
    if not ((value == 0) | (value == 1)).all():
        raise InputError(
            f"{what}: values from {value.min():g} to {value.max():g}; accepted: 0 and 1, for a "
            "Bernoulli likelihood (binarise grey images)"
        )


def _as_shape(sample_shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (sample_shape,) if isinstance(sample_shape, int) else tuple(sample_shape)


def _lift(array: Array, shape: tuple[int, ...]) -> Array:
    """The array with leading axes of 1 up to the rank of ``shape``."""
    return array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
