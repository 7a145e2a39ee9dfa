"""Items of one data set that count, and padding that must not."""

import jax.numpy as jnp
from jax import Array


def blank_padding(x: Array, mask: Array | None) -> Array:
    """x [N, *X] with zeros for items that do not count: NaN there must reach no gradient."""
    if mask is None:
        return x
    return jnp.where(_counts(mask, x), x, jnp.zeros((), x.dtype))


def sum_items(values: Array, mask: Array | None) -> Array:
    """Sum of values [N, ...] over the items that count, blind to what padding holds."""
    if mask is None:
        return jnp.sum(values, axis=0)
    return jnp.sum(jnp.where(_counts(mask, values), values, 0.0), axis=0)


def _counts(mask: Array, like: Array) -> Array:
    return (mask > 0).reshape(mask.shape + (1,) * (like.ndim - 1))
