"""Noise of any shape, drawn as one vector.

A draw equals that of ``jax.random`` in the same shape, but XLA:CPU unrolls loops over short
axes: a mixture's shaped noise takes seven seconds to compile, and this half of one.
"""

import math

import jax
from jax import Array
from jax.typing import DTypeLike


def normal(key: Array, shape: tuple[int, ...], dtype: DTypeLike = float) -> Array:
    """Standard Gaussian noise [*shape]."""
    return jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


def uniform(key: Array, shape: tuple[int, ...], dtype: DTypeLike = float) -> Array:
    """Noise [*shape], uniform in [0, 1)."""
    return jax.random.uniform(key, (math.prod(shape),), dtype).reshape(shape)


def gumbel(key: Array, shape: tuple[int, ...], dtype: DTypeLike = float) -> Array:
    """Standard Gumbel noise [*shape]: the argmax of logits + noise is a categorical draw."""
    return jax.random.gumbel(key, (math.prod(shape),), dtype).reshape(shape)


def logistic(key: Array, shape: tuple[int, ...], dtype: DTypeLike = float) -> Array:
    """Standard logistic noise [*shape]."""
    return jax.random.logistic(key, (math.prod(shape),), dtype).reshape(shape)
