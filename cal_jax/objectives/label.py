"""ELBO of the context-aware learner with an inferred label (thesis 6.1.1, 6.4.3)."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax import Array

from cal_jax.distributions import KLMethod
from cal_jax.divergences import categorical_kl
from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.encoded import encoded, given_features
from cal_jax.objectives.label_bounds import (
    LabelTerms,
    average_over_labels,
    bounds_given_features,
    check_support,
    label_bounds,
    label_logits,
    marginal_over_labels,
)
from cal_jax.objectives.label_samples import (
    Temperature,
    concrete,
    exp_concrete_log_prob,
    gumbel_rao,
    most_probable,
    sampled,
    straight_through_gumbel,
)
from cal_jax.objectives.protocols import ContextAwareGenerative, LabelInference

LabelEstimator = Literal["gumbel", "concrete", "rao", "exact", "marginal"]
LabelChoice = Literal["argmax", "sampled"]
DRAWN = ("gumbel", "concrete", "rao")
"""Estimators that sample one label; the others enumerate all."""


def label_elbo(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    support: Array,
    log_prior: Array,
    *,
    estimator: LabelEstimator,
    temperature: Temperature | None = None,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> LabelTerms:
    """The ELBO on log p(D) of ONE data set from one Monte Carlo sample; vmap it for more.

    Thesis equations (6.5)-(6.10). Items are encoded once for all labels.

    Estimators that sample a label, at a temperature:
      "gumbel": straight-through Gumbel-Softmax (thesis 6.4.3). Its value estimates
        that of "exact" without bias; its gradient is biased.
      "rao": the same, its gradient averaged given the label (``gumbel_rao``): the
        same bias, less variance.
      "concrete": a relaxed label, its KL that of the Concrete densities of q(a|D)
        and p(a) at one temperature, estimated by its sample (thesis A.4). A relaxed
        label mixes constant and varying contexts, so the value is not a bound;
        ``hard_label_elbo`` is.

    Estimators that enumerate the labels, with common noise:
      "exact": sum_a q(a|D) ELBO_a - KL(q(a|D) || p(a)), a bound.
      "marginal": log sum_a p(a) w_a with one-sample weights w_a, a bound (see
        ``label_bounds.marginal_over_labels``). For equal samples it is above "exact".
        It neither uses nor trains the label network.

    Args:
      key: a PRNG key. The noise of item n does not depend on how many items
        follow it as long as JAX's default (partitionable threefry) keys are used.
      generative, inference: see ``cal_jax.objectives.protocols``.
      x: [N, *X], the items.
      support: [M, K] floats in {0, 1}: the possible labels.
      log_prior: [M], log p(a) of each label of the support, finite;
        normalised here.
      estimator: see above.
      temperature: [], positive; only for estimators that sample.
      mask: [N], 1 for items that count and 0 for padding; None when all count.
      kl: "analytic" uses a closed form where one is registered and Monte Carlo
        elsewhere; "monte_carlo" takes every KL from the reconstruction's samples,
        that of a drawn label too, so that at the exact posteriors the value
        is log p(D) for every sample. With "marginal" it must be "monte_carlo":
        weights with closed-form KLs do not give a bound.

    Returns:
      LabelTerms, nats summed over the items that count.

    Raises:
      InputError: for an unknown estimator, a temperature that is missing or not
        wanted, "marginal" with closed forms, or shapes that disagree.
    """
    _check_options(estimator, temperature, kl)
    check_support(support, log_prior)
    if estimator == "marginal":
        h = encoded(inference, x, mask)
        terms = bounds_given_features(key, generative, inference, x, h, support, mask=mask, kl=kl)
        return marginal_over_labels(terms, log_prior)
    if temperature is None:
        bounds = label_bounds(key, generative, inference, x, support, mask=mask, kl=kl)
        return average_over_labels(bounds.terms, bounds.logits, log_prior)

    key_label, key_bound = jax.random.split(key)
    h = encoded(inference, x, mask)
    logits = label_logits(inference, h, support, mask)
    if estimator == "concrete":
        choice, log_choice = concrete(key_label, logits, temperature)
        kl_label = exp_concrete_log_prob(log_choice, logits, temperature)
        kl_label -= exp_concrete_log_prob(log_choice, log_prior, temperature)
    else:
        draw = straight_through_gumbel if estimator == "gumbel" else gumbel_rao
        choice = draw(key_label, logits, temperature)
        kl_label = _kl_of_sampled(choice, logits, log_prior, kl)
    return _of_choice(
        key_bound, generative, inference, x, h, support, choice, kl_label, logits, mask, kl
    )


def hard_label_elbo(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    support: Array,
    log_prior: Array,
    *,
    choice: LabelChoice,
    mask: Array | None = None,
    kl: KLMethod = "analytic",
) -> LabelTerms:
    """The discrete bound of ONE data set at one label of the support.

    It is reported where a relaxed or weighted criterion is optimised. No
    gradient flows through the label.

    Args:
      key, generative, inference, x, support, log_prior, mask, kl: as in ``label_elbo``.
      choice: "argmax" is the bound of a q(a|D) concentrated on its most probable
        label, with a KL of -log p(a); "sampled" samples the label from q(a|D) and
        estimates "exact".

    Returns:
      LabelTerms; ``logits`` are those of the label network.

    Raises:
      InputError: for an unknown choice, or shapes that disagree.
    """
    if choice not in get_args(LabelChoice):
        raise InputError(f"choice must be one of argmax, sampled: got {choice!r}")
    check_support(support, log_prior)
    key_label, key_bound = jax.random.split(key)
    h = encoded(inference, x, mask)
    logits = label_logits(inference, h, support, mask)
    if choice == "argmax":
        one_hot = most_probable(logits)
        kl_label = -jnp.sum(one_hot * jax.nn.log_softmax(log_prior))
    else:
        one_hot = sampled(key_label, logits)
        kl_label = _kl_of_sampled(one_hot, logits, log_prior, kl)
    return _of_choice(
        key_bound, generative, inference, x, h, support, one_hot, kl_label, logits, mask, kl
    )


def _kl_of_sampled(choice: Array, logits: Array, log_prior: Array, kl: KLMethod) -> Array:
    """(6.10) in the closed form of thesis A.4, or its estimate from the sampled label: []."""
    if kl == "analytic":
        return categorical_kl(logits, log_prior)
    return jnp.sum(choice * (jax.nn.log_softmax(logits) - jax.nn.log_softmax(log_prior)))


def _of_choice(
    key: Array,
    generative: ContextAwareGenerative,
    inference: LabelInference,
    x: Array,
    h: Any,
    support: Array,
    choice: Array,
    kl_label: Array,
    logits: Array,
    mask: Array | None,
    kl: KLMethod,
) -> LabelTerms:
    """(6.5) at the label selected from the support by choice [M]."""
    a = jnp.sum(choice[:, None] * support, axis=0)
    terms = context_aware_elbo(
        key, generative, given_features(inference, h), x, a, mask=mask, kl=kl
    )
    return LabelTerms(
        terms.elbo - kl_label, *terms[1:], kl_label=kl_label, logits=logits, elbo_per_label=None
    )


def _check_options(estimator: str, temperature: Temperature | None, kl: KLMethod) -> None:
    accepted = get_args(LabelEstimator)
    if estimator not in accepted:
        raise InputError(f"estimator must be one of {', '.join(accepted)}: got {estimator!r}")
    draws = estimator in DRAWN
    if draws and temperature is None:
        raise InputError(f"temperature is missing: estimator {estimator!r} needs a positive one")
    if not draws and temperature is not None:
        raise InputError(
            f"temperature must be None: estimator {estimator!r} draws no label; "
            f"{', '.join(DRAWN)} do"
        )
    if isinstance(temperature, int | float) and temperature <= 0:
        raise InputError(f"temperature must be positive: got {temperature}")
    if estimator == "marginal" and kl != "monte_carlo":
        raise InputError(
            f"kl must be 'monte_carlo' with estimator 'marginal', whose weights make "
            f"no bound with closed forms: got {kl!r}"
        )
