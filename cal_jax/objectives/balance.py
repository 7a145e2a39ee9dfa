"""Balance of the labels over a batch: their average responsibility matches the prior p(a).

The bound of one set cannot detect that one label takes every set; a batch can. A
potential of each label is added to the scores of every set, such that the labels'
shares average to p(a): the column half of an optimal transport between sets and
labels (Cuturi 2013). It acts outside the objective, on [B, M] values of the sets of
all devices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.errors import InputError


class Balance(NamedTuple):
    """The potentials of the labels, averaged over the batches so far."""

    potential: Array
    """[M]: the log of a distribution; log p(a) where the scores are balanced already."""
    batches: Array
    """[] int32: batches averaged so far."""


def initial_balance(log_prior: Array) -> Balance:
    """Before the first batch: the prior itself, [M]."""
    return Balance(jax.nn.log_softmax(log_prior), jnp.zeros((), jnp.int32))


def sinkhorn_potential(scores: Array, log_prior: Array, *, iterations: int = 30) -> Array:
    """The potential for which softmax(scores + potential) averages to p(a) over a batch.

    Sinkhorn iterations in log space: each normalises the sets'
    rows, then the labels' columns. Adding a constant to a set's or a label's scores
    changes no share.

    Args:
      scores: [B, M], the log weight of each label for each set, as ELBO_a / T in nats.
      log_prior: [M], log p(a), normalised here.
      iterations: of both normalisations. Scores that are nearly certain
        leave an error in the shares of about 1 / iterations, at worst.

    Returns:
      [M], the log of a distribution.
    """
    target = jax.nn.log_softmax(log_prior)
    scores = jax.lax.stop_gradient(scores)

    def improved(_: Array, potential: Array) -> Array:
        shares = balanced_logits(scores, potential)
        mean = jax.nn.logsumexp(shares, axis=0) - jnp.log(len(scores))
        return jax.nn.log_softmax(potential + target - mean)

    return jax.lax.fori_loop(0, iterations, improved, target)


def update_balance(
    balance: Balance,
    scores: Array,
    log_prior: Array,
    *,
    decay: float = 0.95,
    axes: tuple[str, ...] = (),
    iterations: int = 30,
) -> Balance:
    """Update the running average of the potentials with one batch.

    A batch of 32 sets rarely matches p(a) exactly, so balancing each batch by itself
    mislabels part of it; an average over batches need not.

    Args:
      balance: the average over previous batches.
      scores, log_prior, iterations: as for ``sinkhorn_potential``; scores [B, M] of
        this device's sets.
      decay: of the average; 0 balances each batch by itself. Early batches are
        weighted equally, which removes the bias towards the initial value.
      axes: named axes over which the sets are gathered ("device" in a step).

    Returns:
      Balance, the same on every device.

    Raises:
      InputError: for scores that are not [B, M], or a decay outside [0, 1).
    """
    if scores.ndim != 2 or scores.shape[1:] != log_prior.shape:
        raise InputError(
            f"scores must have shape [B, {log_prior.shape[0]}], one label a column: "
            f"got {scores.shape}"
        )
    if not 0.0 <= decay < 1.0:
        raise InputError(f"decay must be at least 0 and below 1: got {decay}")
    for axis in axes:
        scores = jax.lax.all_gather(scores, axis, tiled=True)
    potential = sinkhorn_potential(scores, log_prior, iterations=iterations)
    batches = balance.batches.astype(potential.dtype)
    keep = jnp.minimum(decay, batches / (batches + 1.0))
    mean = keep * balance.potential + (1.0 - keep) * potential
    return Balance(jax.nn.log_softmax(mean), balance.batches + 1)


def balanced_logits(scores: Array, potential: Array) -> Array:
    """log r(a), r = softmax(scores + potential): the balanced shares of the labels.

    ``average_over_labels`` takes them as logits, and a label network is trained
    towards them. No gradient flows through them.

    Args:
      scores: [..., M]; potential: [M].

    Returns:
      [..., M], nats.
    """
    scores = jax.lax.stop_gradient(scores)
    return jax.nn.log_softmax(scores + jnp.broadcast_to(potential, scores.shape), axis=-1)
