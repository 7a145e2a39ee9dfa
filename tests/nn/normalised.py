"""What a batch normalisation makes of rows, for tests that do not ask for its averages."""

import jax.numpy as jnp

from cal_jax.fast.batch_normalise import Constants, batch_normalise


def normalised(axes, x, scale, bias, weights):
    """y of a layer, whatever its running averages."""
    averages = jnp.zeros_like(bias), jnp.ones_like(bias)
    return batch_normalise(axes, Constants(), x, scale, bias, averages, weights).y
