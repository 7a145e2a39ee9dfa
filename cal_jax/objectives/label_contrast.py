"""Constant masks learned from the contrast between sets alone; the bound does not score them.

A mask says which contexts identify their set and which are independent of it. Posterior means are
first brought to one spread, so that a context cannot agree with every mask by saying nothing; the
bound, at a mask drawn from q(a | D), is what makes the contexts informative. Shape letters: B sets,
S samples, M masks of the support, K contexts.
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
from cal_jax.objectives.label_bounds import LabelTerms, label_logits
from cal_jax.objectives.label_learning import (
    LearnedLabelTerms,
    cross_entropy,
    learned_terms,
    row_of,
)
from cal_jax.objectives.label_samples import sampled
from cal_jax.objectives.protocols import ContextAwareGenerative, LabelInference
from cal_jax.objectives.weighting import Weights


class DrawnLabel(NamedTuple):
    """The bound of one set at a mask drawn from q(a | D), and what scores every mask."""

    logits: Array
    """[M]: of q(a | D)."""
    terms: ContextAwareTerms
    """At the drawn mask, in nats."""
    kl_label: Array
    """[]: KL(q(a | D) || p(a))."""
    truth: Array
    """[M]: one-hot, for the metrics alone."""
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
    log_prior: Array,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> DrawnLabel:
    """The bound of ONE set at one drawn mask: an unbiased estimate of its mean under q(a | D).

    One pass through the decoder, where ``label_learning.of_every_label`` has one for each mask.

    Args:
      key, generative, inference, x, mask, kl: as in ``label.label_elbo``.
      a: [K], the true mask; no gradient and no score depends on it.
      is_known: unused; no mask is told.
      support: [M, K].
      log_prior: [M], log p(a).
    """
    del is_known
    key_label, key_bound = jax.random.split(key)
    h = encoded(inference, x, mask)
    logits = label_logits(inference, h, support, mask)
    drawn = jnp.sum(sampled(key_label, logits)[:, None] * support, axis=0)
    terms = context_aware_elbo(
        key_bound, generative, given_features(inference, h), x, drawn, mask=mask, kl=kl
    )
    kl_label = categorical_kl(logits, log_prior)
    means = item_posterior_means(inference, h, a)
    return DrawnLabel(logits, terms, kl_label, row_of(a, support), means, mask)


def weigh_by_contrast(
    found: DrawnLabel,
    balance: Balance | None,
    weights: Weights,
    *,
    support: Array,
    log_prior: Array,
    temperature: float,
    dependence: float,
    spread: float,
    decay: float = 0.95,
    axes: tuple[str, ...] = (),
) -> tuple[LearnedLabelTerms, Balance | None]:
    """Responsibilities r(a | D) of a batch's masks, from what its sets say of each other.

    r is softmax(-disagreement / temperature), where a mask's disagreement is the contrast of the
    contexts that it calls constant and the dependence of those that it calls varying. The
    disagreement is averaged under r and is what moves the contexts; r is the target of the label
    network.

    Args:
      found: of B sets and S samples, leading axes [B, S].
      balance: of previous batches (see ``label_learning.weigh_labels``); None: none, and no
        assumption about p(a) enters r.
      weights: of the terms of the bound; they score no mask.
      support: [M, K]; log_prior: [M], of the balance and of the label's KL.
      temperature: of the disagreement, in nats.
      dependence: weight of the dependence beside the contrast.
      spread: see ``contrasted.to_one_spread``.
      decay: see ``balance.update_balance``.
      axes: over which the sets of a batch are spread ("device" in a step).

    Returns:
      The terms [B], and the balance after this batch.
    """
    del weights
    logits, terms, kl_label, truth = jax.tree.map(
        lambda leaf: jnp.mean(leaf, axis=1),
        (found.logits, found.terms, found.kl_label, found.truth),
    )
    mask = of_first_sample(found.mask)
    against = mask_disagreement(
        found.posterior_means[:, 0],
        jax.lax.stop_gradient(jax.nn.softmax(logits)),
        support,
        dependence=dependence,
        spread=spread,
        axes=axes,
        mask=mask,
    )
    scores, potential = -against / temperature, jnp.zeros_like(log_prior)
    if balance is not None:
        held = jax.lax.stop_gradient(scores)
        balance = update_balance(balance, held, log_prior, decay=decay, axes=axes)
        potential = balance.potential
    learned = jax.nn.softmax(balanced_logits(scores, potential))
    parts = {**terms._asdict(), "elbo": terms.elbo - kl_label}
    bound = LabelTerms(**parts, kl_label=kl_label, logits=logits, elbo_per_label=None)
    taught, disagreement = cross_entropy(learned, logits), jnp.sum(learned * against, axis=-1)
    return learned_terms(bound, taught, truth, logits, disagreement), balance


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
    dependence: float,
    spread: float,
    axes: tuple[str, ...] = (),
    mask: Array | None = None,
) -> Array:
    """The disagreement of every mask with what the sets say of each other, in nats: [B, M].

    Args:
      posterior_means: [B, N, K, C], given each item alone.
      shares: [B, M], of the masks for all of the sets.
      support, dependence, spread, axes: as in ``weigh_by_contrast``.
      mask: [B, N], 1 for items that count; None when all count.
    """
    means = to_one_spread(posterior_means, spread, axes, mask)
    contrast, dependent = contrast_contexts(means, shares @ support, axes, mask)
    return contrast @ support.T + dependence * dependent @ (1.0 - support.T)
