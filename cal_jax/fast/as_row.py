"""A vector of features beside the rows that it is for: its rank is theirs, nothing is promoted."""

from jax import Array


def as_row(values: Array, like: Array) -> Array:
    """Values [F] with leading axes of 1, as many as x [..., F] has."""
    return values.reshape((1,) * (like.ndim - 1) + values.shape)
