"""Distributions of items [*X] beyond the Bernoulli: independent numbers, levels or categories.

Each has a batch [...] and an event of the last ``event_ndims`` axes, as ``distributions.bernoulli``
has; ``log_prob`` is in nats an item, and ``mean`` is the point that figures show.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax import noise
from cal_jax.errors import InputError


@dataclass(frozen=True)
class _Independent:
    """Independent entries; the last ``event_ndims`` axes are one event."""

    event_ndims: int

    @property
    def _shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The axes before the event."""
        return self._shape[: len(self._shape) - self.event_ndims]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """X."""
        return self._shape[len(self._shape) - self.event_ndims :]

    def _of_events(self, each: Array) -> Array:
        """The sum over each event."""
        return jnp.sum(each, axis=tuple(range(-self.event_ndims, 0)))


def _like(parameter: Array, value: Array) -> Array:
    """A parameter with leading axes of 1, as many as ``value`` has beyond it."""
    return parameter.reshape((1,) * (value.ndim - parameter.ndim) + parameter.shape)


def _log1mexp(log_t: Array) -> Array:
    """log(1 - exp(-t)) of log t, also where t is too small for a float."""
    t = jnp.exp(log_t)
    large = jnp.maximum(t, 0.01)
    return jnp.where(t > 0.01, jnp.log(-jnp.expm1(-large)), log_t - 0.5 * t + t * t / 24)


@dataclass(frozen=True)
class NormalItems(_Independent):
    """Independent Gaussians: the likelihood of thesis 5.3.1 for items of any shape."""

    loc: Array
    """[..., *X]"""
    log_variance: Array
    """[..., *X]"""

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.loc.shape

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws, [*sample_shape, ..., *X]."""
        drawn = noise.normal(seed, (*sample_shape, *self._shape), self.loc.dtype)
        return _like(self.loc, drawn) + _like(jnp.exp(0.5 * self.log_variance), drawn) * drawn

    def log_prob(self, value: Array) -> Array:
        """Nats of values [..., *X]."""
        log_variance = _like(self.log_variance, value)
        squares = jnp.square(value - _like(self.loc, value)) * jnp.exp(-log_variance)
        return self._of_events(-0.5 * (squares + log_variance + math.log(2 * math.pi)))

    def mean(self) -> Array:
        """[..., *X]"""
        return self.loc

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Refuse values that are not finite.

        Raises:
          InputError: then.
        """
        _require(value, np.isfinite(value), what, "finite numbers, for a Normal likelihood")


@dataclass(frozen=True)
class DiscretizedLogistic(_Independent):
    """A logistic's probability of each of ``levels`` equal bins on [-1, 1] (Salimans et al. 2017).

    The first and the last bin take the tails, so the probabilities of an entry sum to one.
    """

    loc: Array
    """[..., *X], on [-1, 1] where an item is likely."""
    log_scale: Array
    """[..., *X]"""
    levels: int = 256

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.loc.shape

    @property
    def _half(self) -> float:
        """Half of the levels' range: level v stands for v / half - 1."""
        return (self.levels - 1) / 2

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws, [*sample_shape, ..., *X], levels 0 to ``levels - 1`` as floats."""
        drawn = noise.logistic(seed, (*sample_shape, *self._shape), self.loc.dtype)
        value = _like(self.loc, drawn) + _like(jnp.exp(self.log_scale), drawn) * drawn
        return self._level(value)

    def log_prob(self, value: Array) -> Array:
        """Nats of levels [..., *X]."""
        precision = _like(jnp.exp(-self.log_scale), value)
        centred = value / self._half - 1.0 - _like(self.loc, value)
        width = 1.0 / self._half
        above, below = (centred + 0.5 * width) * precision, (centred - 0.5 * width) * precision
        # sigmoid(above) - sigmoid(below), without the difference of close numbers.
        inside = _log1mexp(math.log(width) - _like(self.log_scale, value))
        middle = jax.nn.log_sigmoid(above) + jax.nn.log_sigmoid(-below) + inside
        upper_tail = jnp.where(value > self.levels - 1.5, jax.nn.log_sigmoid(-below), middle)
        return self._of_events(jnp.where(value < 0.5, jax.nn.log_sigmoid(above), upper_tail))

    def mean(self) -> Array:
        """The level of the logistic's location, [..., *X]: its median."""
        return jnp.clip((self.loc + 1.0) * self._half, 0.0, self.levels - 1.0)

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Refuse values that are no levels.

        Raises:
          InputError: then.
        """
        accepted = f"whole levels 0 to {self.levels - 1}, for a discretised logistic likelihood"
        _require(value, _is_whole(value, self.levels), what, accepted)

    def _level(self, value: Array) -> Array:
        return jnp.clip(jnp.round((value + 1.0) * self._half), 0.0, self.levels - 1.0)


@dataclass(frozen=True)
class CategoricalItems(_Independent):
    """Independent categories 0 to V - 1."""

    logits: Array
    """[..., *X, V], unnormalised."""

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.logits.shape[:-1]

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws, [*sample_shape, ..., *X], categories as floats."""
        drawn = noise.gumbel(seed, (*sample_shape, *self.logits.shape), self.logits.dtype)
        chosen = jnp.argmax(_like(self.logits, drawn) + drawn, axis=-1)
        return chosen.astype(self.logits.dtype)

    def log_prob(self, value: Array) -> Array:
        """Nats of categories [..., *X]."""
        whole = jnp.asarray(value).astype(jnp.int32)
        chosen = jax.nn.one_hot(whole, self.logits.shape[-1], dtype=self.logits.dtype)
        log_probabilities = _like(jax.nn.log_softmax(self.logits), chosen)
        return self._of_events(jnp.sum(log_probabilities * chosen, axis=-1))

    def mean(self) -> Array:
        """The most probable category, [..., *X]."""
        return jnp.argmax(self.logits, axis=-1).astype(self.logits.dtype)

    def check_support(self, value: np.ndarray, what: str) -> None:
        """Refuse values that are no categories.

        Raises:
          InputError: then.
        """
        count = self.logits.shape[-1]
        accepted = f"whole numbers 0 to {count - 1}, for a categorical likelihood"
        _require(value, _is_whole(value, count), what, accepted)


def _is_whole(value: np.ndarray, count: int) -> np.ndarray:
    return (value >= 0) & (value < count) & (value == np.floor(value))


def _require(value: np.ndarray, fits: np.ndarray, what: str, accepted: str) -> None:
    if not fits.all():
        first = value[np.unravel_index(np.argmin(fits), fits.shape)]
        raise InputError(f"{what}: a value of {first}; accepted: {accepted}")
