"""What a batch normalisation makes of rows, for tests that do not ask for its moments."""

from cal_jax.fast.batch_norm import batch_norm


def normalised(axes, x, scale, bias, weights, form=batch_norm):
    """y of a layer."""
    return form(x, scale, bias, weights, axes, 1e-5).y
