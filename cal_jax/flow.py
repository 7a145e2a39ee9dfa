"""Flows: a distribution transformed by a bijector."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

MEAN_DRAWS = 64
"""Of the estimate of a flow's mean."""


class Flow(NamedTuple):
    """A base distribution transformed by a bijector of vectors."""

    base: Any
    """With ``sample``, ``log_prob`` and shapes; event [C]."""
    bijector: Any
    """With ``forward`` and ``inverse_and_log_det``, as distrax's."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """[...]"""
        return self.base.batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """[C]"""
        return self.base.event_shape

    def sample(self, *, seed: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws, [*sample_shape, ..., C]."""
        return self.bijector.forward(self.base.sample(seed=seed, sample_shape=sample_shape))

    def log_prob(self, value: Array) -> Array:
        """Nats of values [..., C]."""
        origin, log_determinant = self.bijector.inverse_and_log_det(value)
        return self.base.log_prob(origin) + log_determinant

    def mean(self) -> Array:
        """A Monte Carlo estimate from ``MEAN_DRAWS`` samples of a fixed key."""
        with jax.numpy_rank_promotion("allow"):
            draws = self.sample(seed=jax.random.key(0), sample_shape=(MEAN_DRAWS,))
        return jnp.mean(draws, axis=0)
