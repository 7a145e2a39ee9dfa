"""PRNG keys of both kinds, as one."""

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError


def typed_key(key: Array) -> Array:
    """A key, or an array of keys, of the new kind.

    Args:
      key: from ``jax.random.key``, [...], or uint32 from ``jax.random.PRNGKey``, [..., 2].

    Raises:
      InputError: neither.
    """
    dtype = getattr(key, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return key
    try:
        return jax.random.wrap_key_data(jnp.asarray(key))
    except (TypeError, ValueError) as error:
        found = f"dtype {dtype}" if dtype is not None else type(key).__name__
        raise InputError(f"key: {found}; accepted: jax.random.key(seed), or PRNGKey(seed)") from (
            error
        )
