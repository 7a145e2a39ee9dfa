"""Training of inferred labels over a batch of data sets (thesis 6.4.3, with extensions).

A training step with inferred labels has two parts: the objective of each set
(``of_every_label`` or ``of_one_label``, mapped), and a reduction over the sets of
the batch (``weigh_labels`` or ``take_drawn``). Shape letters: B sets, S samples, M
labels of the support, K contexts.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.objectives.balance import Balance, balanced_logits, update_balance
from cal_jax.objectives.context_aware import ContextAwareTerms
from cal_jax.objectives.contrasted import contrast_contexts, item_posterior_means, of_first_sample
from cal_jax.objectives.label import LabelEstimator, label_elbo
from cal_jax.objectives.label_bounds import LabelTerms, average_over_labels, label_bounds
from cal_jax.objectives.protocols import ContextAwareGenerative, LabelInference
from cal_jax.objectives.weighting import Weights, weighted_objective

Responsibilities = Literal["bound", "objective", "network"]

SURE = 30.0
"""The logit of a known label; the others share a probability of about exp(-30)."""


class KnownLabel(NamedTuple):
    """A set's label, and whether training may use it."""

    truth: Array
    """[M]: one-hot."""
    is_known: Array
    """[]: 1 where training may use ``truth``; otherwise only the metrics do."""


class EveryLabel(NamedTuple):
    """The bound of one set at every label, and the label network's logits."""

    logits: Array
    """[M]: of q(a | D)."""
    terms: ContextAwareTerms
    """Each with an axis [M], in nats."""
    label: KnownLabel
    posterior_means: Array | None
    """[N, K, C]: posterior means given each item alone; None unless requested."""
    mask: Array | None = None
    """[N], or None where all items count."""


class OneLabel(NamedTuple):
    """The bound of one set at a label sampled from q(a | D)."""

    terms: LabelTerms
    label: KnownLabel


class LearnedLabelTerms(NamedTuple):
    """The terms of a training bound, in nats, and the label network's loss."""

    elbo: Array
    reconstruction: Array
    kl_latent: Array
    kl_varying: Array
    """[K]"""
    kl_constant: Array
    """[K]"""
    kl_label: Array
    disagreement: Array
    """The contrastive penalty of the set's labels: see ``label_disagreement``."""
    label_loss: Array
    """The label network's cross-entropy with the responsibilities or known labels."""
    confusion: Array
    """[M, M], for the metrics: one entry is 1, in the row of the true label and the column
    of the label network's most probable one."""


def of_every_label(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    a: Array,
    is_known: Array,
    *,
    support: Array,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
    with_posterior_means: bool = False,
) -> EveryLabel:
    """The bound of ONE set at every label, with common noise.

    Args:
      key, generative, inference, x, support, mask, kl: as in ``label.label_elbo``.
      a: [K], the true label.
      is_known: [], whether training may use it.
      with_posterior_means: whether to return the items' posterior means.
    """
    bounds = label_bounds(key, generative, inference, x, support, mask=mask, kl=kl)
    posterior_means = (
        item_posterior_means(inference, bounds.features, a) if with_posterior_means else None
    )
    label = KnownLabel(row_of(a, support), is_known)
    return EveryLabel(bounds.logits, bounds.terms, label, posterior_means, mask)


def of_one_label(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    a: Array,
    is_known: Array,
    temperature: Array,
    *,
    support: Array,
    log_prior: Array,
    estimator: LabelEstimator,
) -> OneLabel:
    """The bound of ONE set at a sampled label.

    Args:
      key, generative, inference, x, support, log_prior, estimator: as in ``label.label_elbo``.
      a, is_known: as in ``of_every_label``.
      temperature: [].
    """
    terms = label_elbo(
        key,
        generative,
        inference,
        x,
        support,
        log_prior,
        estimator=estimator,
        temperature=temperature,
    )
    return OneLabel(terms, KnownLabel(row_of(a, support), is_known))


def row_of(a: Array, support: Array) -> Array:
    """The row of the support [M, K] that equals a label [K], one-hot [M]."""
    return jnp.all(support == a[None], axis=1).astype(jnp.float32)


def take_drawn(found: OneLabel) -> LearnedLabelTerms:
    """Terms [B] at each set's own sampled label, averaged over the samples [B, S].

    Known labels also supervise the label network.
    """
    terms, label = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=1), found)
    taught = label.is_known * cross_entropy(label.truth, terms.logits)
    nothing = jnp.zeros_like(terms.elbo)
    return learned_terms(terms, taught, label.truth, terms.logits, nothing)


def weigh_labels(
    found: EveryLabel,
    balance: Balance | None,
    weights: Weights,
    *,
    log_prior: Array,
    responsibilities: Responsibilities = "bound",
    temperature: float = 1.0,
    decay: float = 0.95,
    disagree: Callable[..., Array] | None = None,
    axes: tuple[str, ...] = (),
) -> tuple[LearnedLabelTerms, Balance | None]:
    """Weigh the labels of a batch by their responsibilities r(a | D).

    r is proportional to exp(score_a / temperature) and a potential: the labels'
    shares follow p(a) on average over the batches (``balance``). The bound is
    sum_a r(a) ELBO_a - KL(r || p), and r is the label network's target.

    Args:
      found: of B sets and S samples, leading axes [B, S].
      balance: of previous batches; None weighs each set by itself, with p(a).
      weights: of the terms of the bound, where "objective" scores by them.
      log_prior: [M], log p(a).
      responsibilities: the score of a label: its "bound" ELBO_a, the weighted
        "objective" that is optimised, or the label "network"'s logit. With
        "network" the bound's gradient trains the network, whose targets are
        known labels alone: without balance that is the bound "exact".
      temperature: of the scores, in nats.
      decay: see ``balance.update_balance``.
      disagree: (posterior_means [B, N, K, C], shares [B, M], mask=) -> [B, M], as
        ``label_disagreement``: a penalty of each label, subtracted from its score; the
        shares are the label network's. None: no penalty.
      axes: over which the sets of a batch are spread ("device" in a step).

    Returns:
      The terms [B], and the balance after this batch.
    """
    logits, terms, label, *_ = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=1), found)
    by_network = responsibilities == "network"
    if by_network:
        scores = logits
    elif responsibilities == "bound":
        scores = terms.elbo
    else:
        scores = weighted_objective(terms, weights)
    against = jnp.zeros_like(scores)
    if disagree is not None:
        assert found.posterior_means is not None
        shares = jnp.where(label.is_known[:, None] > 0, label.truth, jax.nn.softmax(logits))
        mask = of_first_sample(found.mask)
        against = disagree(found.posterior_means[:, 0], jax.lax.stop_gradient(shares), mask=mask)
    scores = (scores - against) / temperature
    potential = jax.nn.log_softmax(log_prior)
    if balance is not None:
        held = jax.lax.stop_gradient(scores)
        balance = update_balance(balance, held, log_prior, decay=decay, axes=axes)
        potential = balance.potential
    if not by_network:
        shares = balanced_logits(scores, potential)
    else:
        shares = scores if balance is None else scores + potential[None]
    shares = jnp.where(label.is_known[:, None] > 0, SURE * label.truth, shares)
    bound = average_over_labels(terms, shares, log_prior)
    if by_network:
        taught = label.is_known * cross_entropy(label.truth, logits)
    else:
        taught = cross_entropy(jax.nn.softmax(shares), logits)
    disagreement = jnp.sum(jax.lax.stop_gradient(jax.nn.softmax(shares)) * against, axis=-1)
    return learned_terms(bound, taught, label.truth, logits, disagreement), balance


def label_criterion(
    terms: LearnedLabelTerms, weights: Weights, *, disagreement: float = 0.0, bound: float = 1.0
) -> Array:
    """The weighted objective minus the label network's loss, in nats.

    Args:
      terms, weights: see ``weighted_objective``.
      disagreement: weight of the term of that name.
      bound: weight of the weighted objective; 0 leaves it out.
    """
    learned = bound * weighted_objective(terms, weights) - terms.label_loss
    return learned - disagreement * terms.disagreement


def label_disagreement(
    posterior_means: Array,
    shares: Array,
    support: Array,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
) -> Array:
    """The contrastive penalty of each label of a set, in nats: see ``contrasted``.

    The sum of the contrast of each context that is constant under the label and the
    dependence of each that varies.

    Args:
      posterior_means: [B, N, K, C]; shares: [B, M], of the labels, for all of the sets.
      support: [M, K].
      axes: as in ``weigh_labels``.
      mask: [B, N], 1 for items that count; None when all count.

    Returns:
      [B, M].
    """
    contrast, dependence = contrast_contexts(posterior_means, shares @ support, axes, mask)
    return contrast @ support.T + dependence @ (1.0 - support.T)


def cross_entropy(shares: Array, logits: Array) -> Array:
    """Cross-entropy of softmax(logits) [..., M] with fixed targets [..., M]: [...] nats."""
    return -jnp.sum(jax.lax.stop_gradient(shares) * jax.nn.log_softmax(logits), axis=-1)


def learned_terms(
    bound: Any, taught: Array, truth: Array, logits: Array, disagreement: Array
) -> LearnedLabelTerms:
    """The terms of sets, with the confusion of the most probable labels.

    Args:
      bound: ``LabelTerms``, [B].
      taught: [B], the label network's loss.
      truth: [B, M], one-hot; logits: [B, M].
      disagreement: [B].
    """
    guess = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1])
    return LearnedLabelTerms(
        bound.elbo,
        bound.reconstruction,
        bound.kl_latent,
        bound.kl_varying,
        bound.kl_constant,
        bound.kl_label,
        disagreement,
        taught,
        truth[:, :, None] * guess[:, None, :],
    )
