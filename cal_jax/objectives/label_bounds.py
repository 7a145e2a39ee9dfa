"""Bounds for every label of a support, and their averages over labels (thesis 6.1.1)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.divergences import categorical_kl
from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.encoded import encoded, given_features
from cal_jax.objectives.protocols import (
    ContextAwareGenerative,
    ContextAwareInference,
    LabelInference,
)


class LabelTerms(NamedTuple):
    """A lower bound on log p(D) of one data set with an unknown label, and its parts, in nats.

    ``elbo = reconstruction - kl_latent - sum(kl_varying) - sum(kl_constant) - kl_label``.
    """

    elbo: Array
    """[]: the bound (6.5), to be maximised."""
    reconstruction: Array
    """[]: R (6.6)."""
    kl_latent: Array
    """[]: L (6.7)."""
    kl_varying: Array
    """[K]: C_v (6.8)."""
    kl_constant: Array
    """[K]: C_c (6.9)."""
    kl_label: Array
    """[]: A, the KL of the label (6.10)."""
    logits: Array
    """[M]: of q(a | D), up to a constant."""
    elbo_per_label: Array | None
    """[M]: the bound on log p(D | a) at each label of the support; None where one is sampled."""


class LabelBounds(NamedTuple):
    """The bound of one data set at every label of the support, and the label logits."""

    logits: Array
    """[M]: of the label network's q(a | D), up to a constant."""
    terms: ContextAwareTerms
    """Each with a leading axis [M]: the bound on log p(D | a) and its parts, in nats."""
    features: Any
    """Of the items: what ``inference.encode`` returned."""


def label_bounds(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    support: Array,
    *,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> LabelBounds:
    """The ELBO at each label for ONE data set from one Monte Carlo sample; vmap it for more.

    For methods that weigh the labels of a batch jointly (``balance``);
    ``average_over_labels`` returns the bound for their weights. Items are encoded once.

    Args:
      key, generative, inference, x, support, mask, kl: as in ``label.label_elbo``.

    Returns:
      LabelBounds.

    Raises:
      InputError: for a set without items, or shapes that disagree.
    """
    check_support(support)
    h = encoded(inference, x, mask)
    logits = label_logits(inference, h, support, mask)
    terms = bounds_given_features(key, generative, inference, x, h, support, mask=mask, kl=kl)
    return LabelBounds(logits, terms, h)


def bounds_given_features(
    key: Array,
    generative: ContextAwareGenerative,
    inference: ContextAwareInference,
    x: Array,
    h: Any,
    support: Array,
    *,
    mask: Array | None,
    kl: KLMethod,
) -> ContextAwareTerms:
    """(6.5) without (6.10) at each label of the support, with common noise.

    Args:
      key, generative, inference, x, support, mask, kl: as in ``label.label_elbo``.
      h: ``encoded(inference, x, mask)``.

    Returns:
      ContextAwareTerms, each with a leading axis [M].
    """

    def of_label(
        generative: ContextAwareGenerative, inference: ContextAwareInference, a: Array
    ) -> ContextAwareTerms:
        given = given_features(inference, h)
        return context_aware_elbo(key, generative, given, x, a, mask=mask, kl=kl)

    over_labels = getattr(inference, "over_labels", None)
    if over_labels is not None:
        return over_labels(of_label, support)
    return jax.vmap(lambda a: of_label(generative, inference, a))(support)


def average_over_labels(terms: ContextAwareTerms, logits: Array, log_prior: Array) -> LabelTerms:
    """sum_a q(a) ELBO_a - KL(q(a) || p(a)), (6.5) and (6.10), for any q(a).

    A bound on log p(D) for any q that does not depend on the samples of these terms:
    a q that favours the label with the luckiest sample biases it upwards
    (closed-form KLs) or belongs to another bound (``marginal_over_labels``).

    Args:
      terms: elbo [..., M] and its parts, as returned by ``label_bounds``.
      logits: [..., M], of q, up to a constant.
      log_prior: [M], normalised here.

    Returns:
      LabelTerms with leading axes [...], nats.
    """
    q = jax.nn.softmax(logits, axis=-1)
    kl_label = categorical_kl(logits, jnp.broadcast_to(log_prior, logits.shape))  # (6.10)
    mean = ContextAwareTerms(*(_weighted(q, term) for term in terms))
    return LabelTerms(
        elbo=mean.elbo - kl_label,  # (6.5)
        reconstruction=mean.reconstruction,
        kl_latent=mean.kl_latent,
        kl_varying=mean.kl_varying,
        kl_constant=mean.kl_constant,
        kl_label=kl_label,
        logits=logits,
        elbo_per_label=terms.elbo,
    )


def marginal_over_labels(terms: ContextAwareTerms, log_prior: Array) -> LabelTerms:
    """log sum_a p(a) w_a of one-sample weights: the label is marginalised, not inferred.

    Jensen's inequality for an unbiased estimate of p(D). It equals sum_a r(a)
    (log w_a + log p(a) / r(a)) with r(a) the normalised terms of the sum. The parts hold
    r(a) fixed: r maximises the expression, so the bound's gradient is unaffected.

    Args:
      terms: as for ``average_over_labels``, every KL a Monte Carlo estimate.
      log_prior: [M], normalised here.

    Returns:
      LabelTerms with leading axes [...], nats; ``logits`` are log p(a) + log w_a.
    """
    prior = jnp.broadcast_to(jax.nn.log_softmax(log_prior), terms.elbo.shape)
    logits = jax.lax.stop_gradient(prior + terms.elbo)
    return average_over_labels(terms, logits, log_prior)


def label_logits(inference: LabelInference, h: Any, support: Array, mask: Array | None) -> Array:
    """The label network's logits [M].

    Raises:
      InputError: their number differs from the labels of the support.
    """
    logits = inference.labels(h, mask)
    if logits.shape != support.shape[:1]:
        raise InputError(
            f"support has {support.shape[0]} labels, the label network "
            f"logits of shape {logits.shape}: accepted is one for each"
        )
    return logits


def check_support(support: Array, log_prior: Array | None = None) -> None:
    """Refuse a support that is not [M, K], or a prior of another length.

    Raises:
      InputError: then.
    """
    if support.ndim != 2 or support.shape[0] < 1:
        raise InputError(f"support must have shape [M, K], one label a row: got {support.shape}")
    if log_prior is not None and log_prior.shape != support.shape[:1]:
        raise InputError(
            f"log_prior must have shape {support.shape[:1]}, one entry a label: "
            f"got {log_prior.shape}"
        )


def _weighted(q: Array, term: Array) -> Array:
    """Sum over the labels of term [..., M] or [..., M, K]."""
    return jnp.sum(q.reshape(q.shape + (1,) * (term.ndim - q.ndim)) * term, axis=q.ndim - 1)
