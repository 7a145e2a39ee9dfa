"""Likelihoods p(x | z, c): their parameterisation by the decoder, and their support."""

import abc
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.config import omit_default, require_at_least
from cal_jax.distributions import Distribution, bernoulli
from cal_jax.errors import InputError
from cal_jax.observations import CategoricalItems, NormalItems
from cal_jax.observations import DiscretizedLogistic as LogisticItems

MOST_LEVELS = 65_536
"""Of a discretised logistic."""

LEAST_LOG_SCALE = -30.0
"""Of a discretised logistic: the reciprocal of a scale far below is no float32."""


@dataclass(frozen=True)
class Likelihood(abc.ABC):
    """A distribution of items, parameterised by a decoder."""

    @abc.abstractmethod
    def parameter_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the decoder's outputs for one item of shape X."""

    @abc.abstractmethod
    def __call__(self, outputs: Array, event_ndims: int) -> Distribution:
        """p(x | outputs): outputs [N, *parameter_shape(X)]; batch [N], event X."""

    def network_input(self, x: Array) -> Array:
        """Items [N, *X] as the encoder's input."""
        return x

    def check(self, x: np.ndarray, source: str) -> None:
        """Refuse items outside the likelihood's support.

        Args:
          x: items of any leading shape, on the host.
          source: opens the message.

        Raises:
          InputError: then; it names such a value.
        """
        self(jnp.zeros(self.parameter_shape(())), 0).check_support(x, source)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Independent Bernoullis of logits, for items in {0, 1} (thesis 4.4, 6.4.1)."""

    def parameter_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return event_shape

    def __call__(self, outputs: Array, event_ndims: int) -> Distribution:
        return bernoulli(outputs, event_ndims)


@dataclass(frozen=True)
class Normal(Likelihood):
    """Independent Gaussians, for real numbers (thesis 5.3.1)."""

    scale: float | None = None
    """The standard deviation of every number; None: the decoder's output."""
    log_variance_range: tuple[float, float] = (-4.0, 3.0)
    """A decoder's log variance is clamped to it (decision 2)."""
    unit_means: bool = omit_default(False)
    """Means are the sigmoid of the decoder's outputs, for levels in [0, 1]."""

    def __post_init__(self) -> None:
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise InputError(f"scale must be positive and finite, or None: got {self.scale}")
        low, high = self.log_variance_range
        if not -math.inf < low < high < math.inf:
            raise InputError(f"log_variance_range must be (low, high): got {(low, high)}")

    def parameter_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return event_shape if self.scale is not None else (*event_shape, 2)

    def __call__(self, outputs: Array, event_ndims: int) -> Distribution:
        if self.scale is not None:
            mean, log_variance = outputs, jnp.full_like(outputs, 2.0 * math.log(self.scale))
        else:
            mean = outputs[..., 0]
            log_variance = jnp.clip(outputs[..., 1], *self.log_variance_range)
        mean = jax.nn.sigmoid(mean) if self.unit_means else mean
        return NormalItems(event_ndims, mean, log_variance)


@dataclass(frozen=True)
class DiscretizedLogistic(Likelihood):
    """A discretised logistic of each number, for levels 0 to ``levels - 1`` (uint8 images).

    Salimans et al. 2017, one component. Its nats divide into bits per dimension:
    ``metrics.bits.bits_per_dimension``.
    """

    levels: int = 256
    smallest_log_scale: float = -7.0
    zero_level: float | None = omit_default(None)
    """The level that is 0 to the encoder, such as that of a plain background, which else is most
    of its input; None: the middle of the range."""

    def __post_init__(self) -> None:
        require_at_least(self, levels=2)
        if self.levels > MOST_LEVELS:
            raise InputError(f"levels must be at most {MOST_LEVELS}: got {self.levels}")
        if self.zero_level is not None and not 0 <= self.zero_level < self.levels:
            raise InputError(
                f"zero_level must be one of the levels, or None: got {self.zero_level}"
            )
        if not LEAST_LOG_SCALE <= self.smallest_log_scale < math.inf:
            raise InputError(
                f"smallest_log_scale must be finite and at least {LEAST_LOG_SCALE}: "
                f"got {self.smallest_log_scale}"
            )

    def parameter_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape, 2)

    def __call__(self, outputs: Array, event_ndims: int) -> Distribution:
        log_scale = jnp.maximum(outputs[..., 1], self.smallest_log_scale)
        return LogisticItems(event_ndims, outputs[..., 0], log_scale, self.levels)

    def network_input(self, x: Array) -> Array:
        middle = (self.levels - 1) / 2
        return (x - (middle if self.zero_level is None else self.zero_level)) / middle


@dataclass(frozen=True)
class Categorical(Likelihood):
    """Independent categorical variables, for unordered whole numbers 0 to ``values - 1``."""

    values: int = 2

    def __post_init__(self) -> None:
        require_at_least(self, values=2)

    def parameter_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*event_shape, self.values)

    def __call__(self, outputs: Array, event_ndims: int) -> Distribution:
        return CategoricalItems(event_ndims, outputs)

    def network_input(self, x: Array) -> Array:
        return jax.nn.one_hot(x.astype(jnp.int32), self.values)


# The likelihoods that a configuration may name: a line here makes one known to files and flags.
AnyLikelihood = Bernoulli | Normal | DiscretizedLogistic | Categorical
