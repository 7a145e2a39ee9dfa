"""Masking of padded items in sums and inputs."""

import jax.numpy as jnp
from jax import Array


def blank_padding(x: Array, mask: Array | None) -> Array:
    """x [N, *X] with padding set to zero, so that NaN there reaches no gradient."""
    if mask is None:
        return x
    return jnp.where(_counts(mask, x), x, jnp.zeros((), x.dtype))


def sum_items(values: Array, mask: Array | None) -> Array:
    """The sum of values [N, ...] over the items that count; padding may hold any value."""
    if mask is None:
        return jnp.sum(values, axis=0)
    return jnp.sum(jnp.where(_counts(mask, values), values, 0.0), axis=0)


def _counts(mask: Array, like: Array) -> Array:
    return (mask > 0).reshape(mask.shape + (1,) * (like.ndim - 1))
