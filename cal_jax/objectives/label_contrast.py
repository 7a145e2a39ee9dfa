"""Constant masks learned from the contrast between sets alone; the bound does not score them.

A mask says which contexts identify their set and which are independent of it. The bound, averaged
over masks or at a drawn one, is what makes the contexts informative; p(a) is learned, or assumed
by a balance. Shape letters: B sets, S samples, M masks of the support, K contexts.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.divergences import categorical_kl
from cal_jax.objectives.balance import Balance, balanced_logits, update_balance
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.contrasted import (
    contrast_contexts,
    item_posterior_means,
    of_first_sample,
    to_one_spread,
)
from cal_jax.objectives.encoded import encoded, given_features
from cal_jax.objectives.label_bounds import LabelTerms, average_over_labels, label_logits
from cal_jax.objectives.label_learning import (
    SURE,
    EveryLabel,
    KnownLabel,
    LearnedLabelTerms,
    cross_entropy,
    learned_terms,
    row_of,
)
from cal_jax.objectives.label_samples import sampled
from cal_jax.objectives.learned_prior import LearnedPrior, update_prior
from cal_jax.objectives.protocols import ContextAwareGenerative, LabelInference
from cal_jax.objectives.weighting import Weights

TINY = 1e-6


class DrawnLabel(NamedTuple):
    """The bound of one set at a mask drawn from q(a | D), and what scores every mask."""

    logits: Array
    """[M]: of q(a | D)."""
    terms: ContextAwareTerms
    """At the drawn mask, in nats."""
    label: KnownLabel
    posterior_means: Array
    """[N, K, C]: given each item alone."""
    mask: Array | None = None
    """[N], or None where all items count."""


def of_drawn_label(
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
) -> DrawnLabel:
    """The bound of ONE set at one drawn mask: an unbiased estimate of its mean under q(a | D).

    One pass through the decoder, where ``label_learning.of_every_label`` has one for each mask.

    Args:
      key, generative, inference, x, mask, kl: as in ``label.label_elbo``.
      a: [K], the true mask.
      is_known: [], whether training may use it: then it is the one drawn.
      support: [M, K].
    """
    key_label, key_bound = jax.random.split(key)
    h = encoded(inference, x, mask)
    logits = label_logits(inference, h, support, mask)
    label = KnownLabel(row_of(a, support), is_known)
    choice = jnp.where(is_known > 0, label.truth, sampled(key_label, logits))
    drawn = jnp.sum(choice[:, None] * support, axis=0)
    terms = context_aware_elbo(
        key_bound, generative, given_features(inference, h), x, drawn, mask=mask, kl=kl
    )
    return DrawnLabel(logits, terms, label, item_posterior_means(inference, h, a), mask)


def weigh_by_contrast(
    found: EveryLabel | DrawnLabel,
    memory: LearnedPrior | Balance,
    weights: Weights,
    *,
    support: Array,
    log_prior: Array | None = None,
    temperature: float = 1.0,
    dependence: float = 1.0,
    spread: float | None = None,
    decay: float = 0.995,
    axes: tuple[str, ...] = (),
) -> tuple[LearnedLabelTerms, LearnedPrior | Balance]:
    """Responsibilities r(a | D) of a batch's masks, from what its sets say of each other.

    r is softmax(-disagreement / temperature), where a mask's disagreement is the contrast of the
    contexts that it calls constant and the dependence of those that it calls varying. The
    disagreement is averaged under r and is what moves the contexts; r is the target of the label
    network. With every mask visited the bound is sum_a r(a) ELBO_a - KL(r || p(a)); at a drawn
    one, its ELBO less KL(q(a | D) || p(a)).

    Args:
      found: of B sets and S samples, leading axes [B, S].
      memory: of previous batches. LearnedPrior: p(a) is the running mean of r, and enters no r;
        Balance: the shares of r follow ``log_prior``.
      weights: of the terms of the bound; they score no mask.
      support: [M, K].
      log_prior: [M], log p(a), of a balance alone.
      temperature: of the disagreement, in nats.
      dependence: weight of the dependence beside the contrast.
      spread: that posterior means are brought to, see ``to_one_spread``: then a context cannot
        agree with every mask by saying nothing. None: as they are.
      decay: see ``update_prior`` and ``balance.update_balance``.
      axes: over which the sets of a batch are spread ("device" in a step).

    Returns:
      The terms [B], and the memory after this batch.
    """
    del weights
    logits, terms, label, *_ = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=1), found)
    assert found.posterior_means is not None
    known = label.is_known[:, None] > 0
    against = mask_disagreement(
        found.posterior_means[:, 0],
        jax.lax.stop_gradient(jnp.where(known, label.truth, jax.nn.softmax(logits))),
        support,
        dependence=dependence,
        spread=spread,
        axes=axes,
        mask=of_first_sample(found.mask),
    )
    scores, potential = -against / temperature, jnp.zeros(len(support))
    if isinstance(memory, Balance):
        assert log_prior is not None
        held = jax.lax.stop_gradient(scores)
        memory = update_balance(memory, held, log_prior, decay=decay, axes=axes)
        potential = memory.potential
    log_shares = jnp.where(known, SURE * label.truth, balanced_logits(scores, potential))
    shares = jax.nn.softmax(log_shares)
    if isinstance(memory, LearnedPrior):
        memory = update_prior(memory, shares, decay=decay, axes=axes)
        log_prior = memory.log_prior
    assert log_prior is not None
    if isinstance(found, EveryLabel):
        bound = average_over_labels(terms, log_shares, log_prior)
    else:
        bound = _of_drawn(terms, logits, log_prior)
    taught, disagreement = cross_entropy(shares, logits), jnp.sum(shares * against, axis=-1)
    return learned_terms(bound, taught, label.truth, logits, disagreement), memory


def _of_drawn(terms: ContextAwareTerms, logits: Array, log_prior: Array) -> LabelTerms:
    """The bound [B] at the masks drawn, with (6.10)."""
    kl_label = categorical_kl(logits, jnp.broadcast_to(log_prior, logits.shape))
    parts = {**terms._asdict(), "elbo": terms.elbo - kl_label}
    return LabelTerms(**parts, kl_label=kl_label, logits=logits, elbo_per_label=None)


def even_dependence(support: np.ndarray) -> float:
    """Weight of the dependence beside the contrast, where all masks [M, K] are equally frequent.

    Then both sides of a context weigh the same, however many contexts a mask calls varying.
    """
    share = float(support.mean())
    return share / (1.0 - share)


def mask_disagreement(
    posterior_means: Array,
    shares: Array,
    support: Array,
    *,
    dependence: float = 1.0,
    spread: float | None = None,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
) -> Array:
    """The disagreement of every mask with what the sets say of each other, in nats: [B, M].

    The contrast of a context grows with the number of the sets that it is constant in. Those
    count as many as if all masks were equally frequent, or a rare mask would look the better.

    Args:
      posterior_means: [B, N, K, C], given each item alone.
      shares: [B, M], of the masks for all of the sets.
      support, dependence, spread, axes: as in ``weigh_by_contrast``.
      mask: [B, N], 1 for items that count; None when all count.
    """
    means = posterior_means
    if spread is not None:
        means = to_one_spread(means, spread, axes, mask)
    constant = shares @ support
    found = jnp.mean(constant, axis=0)
    for axis in axes:
        found = jax.lax.pmean(found, axis)
    as_if_even = constant * (jnp.mean(support, axis=0) / jnp.maximum(found, TINY))[None]
    contrast, dependent = contrast_contexts(means, as_if_even, axes, mask, 1.0 - constant)
    return contrast @ support.T + dependence * dependent @ (1.0 - support.T)
