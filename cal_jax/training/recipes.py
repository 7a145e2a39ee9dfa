"""Objectives of context-aware learners with known and with inferred masks, by name.

The bound (6.5) alone is ``context_aware_elbo``. A recipe adds a cross-set contrastive loss and
weights that anneal: constant contexts tell their set from the others of a batch, varying ones
tell nothing of their set.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.data.mask_mix import all_masks, one_constant
from cal_jax.distributions import KLMethod
from cal_jax.errors import InputError
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.balance import initial_balance
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.contrasted import (
    bound_and_posterior_means,
    contrast_sets,
    contrasted_criterion,
)
from cal_jax.objectives.label_contrast import (
    even_dependence,
    of_drawn_label,
    weigh_by_contrast,
)
from cal_jax.objectives.label_learning import (
    Responsibilities,
    label_criterion,
    label_disagreement,
    of_every_label,
    weigh_labels,
)
from cal_jax.objectives.label_schedules import annealed_weights
from cal_jax.objectives.learned_prior import initial_prior
from cal_jax.training.config import Objective
from cal_jax.training.step import BatchObjective


def recipe_of(model: ContextAwareLearner, steps: int) -> Objective:
    """The recipe for a model: its masks are known, or inferred by its label network.

    Args:
      model: whose label network, if any, has K or 2^K masks.
      steps: of the training; weights have annealed by three quarters of them.

    Raises:
      InputError: a label network of another number of masks.
    """
    labels, count = model.config.labels, model.config.num_contexts
    half_life = max(1.0, steps / 4)
    if labels is None:
        return known_masks(half_life=half_life)
    if labels.num_labels == count:
        return inferred_masks(one_constant(count), half_life=half_life)
    if labels.num_labels == 2**count:
        return balanced_masks(all_masks(count), half_life=half_life)
    raise InputError(
        f"labels.num_labels {labels.num_labels}; accepted without an objective: {count}, one "
        f"constant context, or {2**count}, any of them constant"
    )


def known_masks(
    *,
    contrast: float = 30.0,
    dependence: float = 100.0,
    spread: float | None = None,
    latent_weight: float = 2.0,
    context_weight: float = 1.0,
    half_life: float = 10_000.0,
) -> Objective:
    """The bound of sets whose constant contexts are known, and what the sets of a batch add.

    Args:
      contrast: weight of ``set_contrast``; with ``dependence`` 0 too, the bound alone.
      dependence: weight of ``set_dependence``.
      spread: that both see posterior means brought to, see ``contrasted.to_one_spread``; None:
        as they are.
      latent_weight: of z's KL in the first step.
      context_weight: of the contexts' KLs in the first step; with both weights 1 they are
        those of ``TrainingConfig.alpha``.
      half_life: steps after which the weights' excess over 1 has halved.
    """
    objective = Objective(context_aware_elbo)
    if contrast > 0 or dependence > 0:
        objective = Objective(
            bound_and_posterior_means,
            functools.partial(contrasted_criterion, contrast=contrast, dependence=dependence),
            BatchObjective(
                lambda found, memory, _: (contrast_sets(found, (DEVICE,), spread), memory)
            ),
        )
    if (latent_weight, context_weight) == (1.0, 1.0):
        return objective
    weights = functools.partial(
        annealed_weights, latent=latent_weight, contexts=context_weight, half_life=half_life
    )
    return objective._replace(weights=weights)


def inferred_masks(
    support: Sequence[Sequence[int]] | np.ndarray,
    *,
    kl: KLMethod = "analytic",
    temperature: float = 1.0,
    contrast: float = 30.0,
    bound: float = 1.0,
    latent_weight: float = 2.0,
    context_weight: float = 1.0,
    half_life: float = 4_000.0,
) -> Objective:
    """The bound of every mask, averaged under responsibilities that the contrast decides.

    Neither the shares of the masks nor p(a) need be known: p(a) is the running mean of the
    responsibilities, ``LearnedPrior``, and the objective's memory. Data gives each set x, its
    true mask (for metrics alone) and whether training may use it.

    Args:
      support: [M, K], the masks that are possible.
      kl: see ``objectives.label.label_elbo``.
      temperature: of the disagreement that scores a mask, in nats.
      contrast: weight of the disagreement, averaged under the responsibilities.
      bound: weight of every term of the bound; 0 leaves the contrast alone.
      latent_weight, context_weight, half_life: as in ``known_masks``.
    """
    masks = jnp.asarray(support, jnp.float32)
    weigh = functools.partial(
        weigh_by_contrast, support=masks, temperature=temperature, axes=(DEVICE,)
    )
    weights = functools.partial(
        annealed_weights, latent=latent_weight, contexts=context_weight, half_life=half_life
    )
    return Objective(
        functools.partial(of_every_label, support=masks, kl=kl, with_posterior_means=True),
        functools.partial(label_criterion, disagreement=contrast, bound=bound),
        BatchObjective(weigh, initial_prior(len(masks))),
        weights,
    )


def balanced_masks(
    support: Sequence[Sequence[int]] | np.ndarray,
    *,
    log_prior: np.ndarray | None = None,
    kl: KLMethod = "analytic",
    responsibilities: Responsibilities = "objective",
    temperature: float = 5.0,
    balance_decay: float | None = 0.95,
    contrast: float = 30.0,
    latent_weight: float = 2.0,
    context_weight: float = 1.0,
    half_life: float = 4_000.0,
) -> Objective:
    """The bound of every mask, averaged under responsibilities whose shares are p(a).

    For masks whose shares are known: each is scored by its bound, and a balance over the batches
    keeps the shares. Data is that of ``inferred_masks``.

    Args:
      support: [M, K], the masks that are possible.
      log_prior: [M], log p(a); None: all alike.
      kl: see ``objectives.label.label_elbo``.
      responsibilities: see ``objectives.label_learning``.
      temperature: of the scores, in nats.
      balance_decay: of the running balance of the masks; None: each set by itself.
      contrast: weight of what the sets of a batch say against a set's masks.
      latent_weight, context_weight, half_life: as in ``known_masks``.
    """
    masks = jnp.asarray(support, jnp.float32)
    prior = _prior_of(log_prior, len(masks))
    weigh: Any = functools.partial(
        weigh_labels,
        log_prior=prior,
        responsibilities=responsibilities,
        temperature=temperature,
        axes=(DEVICE,),
    )
    if contrast > 0:
        disagree = functools.partial(label_disagreement, support=masks, axes=(DEVICE,))
        weigh = functools.partial(weigh, disagree=disagree)
    batch = _balanced(weigh, prior, balance_decay)
    return Objective(
        functools.partial(of_every_label, support=masks, kl=kl, with_posterior_means=contrast > 0),
        functools.partial(label_criterion, disagreement=contrast),
        batch,
        functools.partial(
            annealed_weights, latent=latent_weight, contexts=context_weight, half_life=half_life
        ),
    )


def masks_by_contrast(
    support: Sequence[Sequence[int]] | np.ndarray,
    *,
    log_prior: np.ndarray | None = None,
    temperature: float = 1.0,
    balance_decay: float | None = None,
    spread: float = 20.0,
    contrast: float = 30.0,
    latent_weight: float = 2.0,
    context_weight: float = 1.0,
    half_life: float = 4_000.0,
) -> Objective:
    """Masks that the contrast between sets alone decides, and the bound at a drawn one.

    For many contexts: one pass through the decoder, however many masks are possible. The
    dependence of varying contexts weighs so much beside the contrast of constant ones that, with
    every mask of the support alike, both sides of a context weigh the same.

    Args:
      support: [M, K], the masks that are possible; each context is constant in some, not in all.
      log_prior: [M], log p(a) of a balance; None: all alike.
      temperature: of the disagreement, in nats.
      balance_decay: of the running balance of the masks; None: none, and p(a) is learned.
      spread: see ``objectives.contrasted.to_one_spread``.
      contrast: weight of the disagreement.
      latent_weight, context_weight, half_life: as in ``known_masks``.

    Raises:
      InputError: a context that is constant in every mask, or in none.
    """
    masks = np.asarray(support, np.float32)
    share = masks.mean(axis=0)
    if ((share == 0) | (share == 1)).any():
        raise InputError(
            "support: a context that is never constant or never varies; accepted: both"
        )
    of_support = jnp.asarray(masks)
    weigh = functools.partial(
        weigh_by_contrast,
        support=of_support,
        temperature=temperature,
        dependence=even_dependence(masks),
        spread=spread,
        axes=(DEVICE,),
    )
    batch = BatchObjective(weigh, initial_prior(len(masks)))
    if balance_decay is not None:
        prior = _prior_of(log_prior, len(masks))
        batch = _balanced(functools.partial(weigh, log_prior=prior), prior, balance_decay)
    return Objective(
        functools.partial(of_drawn_label, support=of_support),
        functools.partial(label_criterion, disagreement=contrast),
        batch,
        functools.partial(
            annealed_weights, latent=latent_weight, contexts=context_weight, half_life=half_life
        ),
    )


def _prior_of(log_prior: np.ndarray | None, count: int) -> jax.Array:
    """log p(a) [M] as given, or all masks alike."""
    even = np.full(count, -np.log(count), np.float32)
    return jnp.asarray(even if log_prior is None else log_prior)


def _balanced(weigh: Callable[..., Any], prior: Any, decay: float | None) -> BatchObjective:
    """The batch's masks weighed with a running balance, or each set by itself."""
    if decay is None:
        return BatchObjective(
            lambda found, memory, weights: (weigh(found, None, weights)[0], memory)
        )
    return BatchObjective(functools.partial(weigh, decay=decay), initial_balance(prior))
