"""p(a) learned while masks are inferred: the running mean of their responsibilities.

Of a bound averaged under responsibilities r(a | D), the p(a) that maximises it over the sets is
their mean. It acts outside the objective, on [B, M] values of the sets of all devices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.errors import InputError


class LearnedPrior(NamedTuple):
    """p(a), averaged over the batches so far."""

    log_prior: Array
    """[M]: log p(a), normalised, nats."""
    batches: Array
    """[] int32: batches averaged so far."""


def initial_prior(num_masks: int) -> LearnedPrior:
    """Before the first batch: every mask alike."""
    even = np.full(num_masks, -np.log(num_masks), np.float32)
    return LearnedPrior(jnp.asarray(even), jnp.zeros((), jnp.int32))


def update_prior(
    prior: LearnedPrior, shares: Array, *, decay: float = 0.995, axes: tuple[str, ...] = ()
) -> LearnedPrior:
    """Update the running mean of the responsibilities with one batch.

    Args:
      prior: of previous batches.
      shares: [B, M], r(a | D) of this device's sets; no gradient flows through them.
      decay: of the mean: 0.995 is that of some 400 batches. Early batches are weighted equally,
        and the even beginning as one of them, so that no share is 0.
      axes: named axes over which the sets are spread ("device" in a step).

    Returns:
      LearnedPrior, the same on every device.

    Raises:
      InputError: shares that are not [B, M], or a decay outside [0, 1).
    """
    if shares.ndim != 2 or shares.shape[1:] != prior.log_prior.shape:
        raise InputError(
            f"shares must have shape [B, {prior.log_prior.shape[0]}], one mask a column: "
            f"got {shares.shape}"
        )
    if not 0.0 <= decay < 1.0:
        raise InputError(f"decay must be at least 0 and below 1: got {decay}")
    mean = jnp.mean(jax.lax.stop_gradient(shares), axis=0)
    for axis in axes:
        mean = jax.lax.pmean(mean, axis)
    seen = prior.batches.astype(mean.dtype) + 1.0
    keep = jnp.minimum(decay, seen / (seen + 1.0))
    mean = keep * jnp.exp(prior.log_prior) + (1.0 - keep) * mean
    return LearnedPrior(jax.nn.log_softmax(jnp.log(mean)), prior.batches + 1)
