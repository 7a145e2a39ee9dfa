"""Weights on the terms of a bound, as annealed early in training (thesis 5.14, 6.13).

A weighted objective is not a bound: it is optimised, never reported.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError

Weight = Array | float


class Weights(NamedTuple):
    """Factors of the reconstruction and the KLs; all 1 is the bound itself."""

    reconstruction: Weight = 1.0
    kl: Weight | Mapping[str, Weight] = 1.0
    """Of every KL, or by the term's name, as {"kl_latent": 2.0}; a term not named keeps 1."""
    free_bits: float = 0.0
    """Nats of each KL of one data set or item, of each context or layer, that cost nothing
    (Kingma et al. 2016, without their mean over the batch)."""

    def of(self, term: str) -> Weight:
        """The factor of the named KL term."""
        return self.kl.get(term, 1.0) if isinstance(self.kl, Mapping) else self.kl


def halving_weights(epoch: Array | int, *, alpha: float = 1.0, kl_power: int = 2) -> Weights:
    """The thesis's annealing: omega R - (KLs) / omega^kl_power with omega = 1 + alpha.

    Args:
      epoch: [] epochs finished; alpha is halved after each (decision 11).
      alpha: its value in the first epoch.
      kl_power: 2 for the context-aware learner's (6.13), 1 for the neural
        statistician's (5.14).
    """
    omega = 1.0 + alpha * 0.5 ** jnp.asarray(epoch, jnp.float32)
    return Weights(omega, omega**-kl_power)


def unweighted(terms: Any, weights: Weights) -> Array:
    """The bound itself as the criterion, [...]; for bounds without terms to weigh."""
    del weights
    return terms.elbo


def weighted_objective(terms: Any, weights: Weights) -> Array:
    """The criterion to maximise: the weighted sum of the terms, in nats.

    Args:
      terms: of any bound here: a NamedTuple with ``reconstruction`` [...] and
        ``kl_*`` terms, [...] or with one more axis (contexts, layers) to sum over.
      weights: scalars.

    Returns:
      [...].

    Raises:
      InputError: a weight of a term that the bound lacks.
    """
    if isinstance(weights.kl, Mapping) and (unknown := set(weights.kl) - set(terms._fields)):
        accepted = ", ".join(name for name in terms._fields if name.startswith("kl_"))
        raise InputError(f"weight of {min(unknown)}: no such term; accepted are {accepted}")
    total = weights.reconstruction * terms.reconstruction
    for name in terms._fields:
        if name.startswith("kl_"):
            nats = getattr(terms, name)
            if weights.free_bits > 0:
                nats = jnp.maximum(nats, weights.free_bits)
            if nats.ndim > terms.reconstruction.ndim:
                nats = jnp.sum(nats, axis=-1)
            total = total - weights.of(name) * nats
    return total
