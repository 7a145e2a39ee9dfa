"""Weights on the terms of a bound: what is optimised while learning starts (thesis 5.14, 6.13).

A weighted objective is not a bound. It is optimised, never reported as one.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cal_jax.objectives.context_aware import ContextAwareTerms


class Weights(NamedTuple):
    """One factor for each term of the bound; all 1 is the bound itself."""

    reconstruction: Array | float = 1.0
    kl_latent: Array | float = 1.0
    kl_varying: Array | float = 1.0
    kl_constant: Array | float = 1.0


def halving_weights(epoch: Array | int, *, alpha: float = 1.0, kl_power: int = 2) -> Weights:
    """The thesis's annealing: omega R - (KLs) / omega^2 with omega = 1 + alpha (6.13).

    Args:
      epoch: [] epochs finished; alpha is halved after each (decision 13).
      alpha: its value in the first epoch.
      kl_power: 2 for (6.13), 1 for the neural statistician's (5.14).
    """
    omega = 1.0 + alpha * 0.5 ** jnp.asarray(epoch, jnp.float32)
    divisor = omega**-kl_power
    return Weights(omega, divisor, divisor, divisor)


def weighted_objective(terms: ContextAwareTerms, weights: Weights) -> Array:
    """The criterion to maximise: each term by its weight, in nats.

    Args:
      terms: with any leading axes [...].
      weights: scalars.

    Returns:
      [...].
    """
    return (
        weights.reconstruction * terms.reconstruction
        - weights.kl_latent * terms.kl_latent
        - weights.kl_varying * jnp.sum(terms.kl_varying, axis=-1)
        - weights.kl_constant * jnp.sum(terms.kl_constant, axis=-1)
    )
