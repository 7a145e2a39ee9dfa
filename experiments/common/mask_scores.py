"""Scores of p(a | D) by the bound of a trained model, and of the p(a) that it learned.

Shape letters: M sets, A masks of the support, K contexts.
"""

from typing import Any, NamedTuple

import numpy as np

from cal_jax.data.mask_mix import Mix, checked_mix
from cal_jax.inference.evidence import log_mask_posterior
from cal_jax.metrics.calibration import expected_calibration_error
from cal_jax.metrics.labels import agreement_of, in_order, rows_of
from cal_jax.metrics.scores import FRACTION, Score
from cal_jax.objectives.learned_prior import LearnedPrior


class BoundOfSets(NamedTuple):
    """The bound of sets under every mask, and their true masks."""

    elbo: np.ndarray
    """[M, A]: of (6.5), nats a set."""
    masks: np.ndarray
    """[M, K]"""


def even_mix(support: np.ndarray) -> Mix:
    """Every mask of the support [A, K] equally often."""
    return [(tuple(map(int, mask)), 1) for mask in support]


def learned_log_prior(memory: Any) -> np.ndarray | None:
    """log p(a) [A] that training learned, from ``Trained.memory``; None where it was assumed."""
    return np.asarray(memory.log_prior) if isinstance(memory, LearnedPrior) else None


def mask_scores(
    even: BoundOfSets,
    mixed: BoundOfSets,
    support: np.ndarray,
    mix: Mix,
    log_prior: np.ndarray | None,
) -> dict[str, Score]:
    """Scores of p(a | D), which is ELBO_a + log p(a) normalised over the masks.

    ``accuracy_by_bound``: of its most probable mask, at the best order of the model's contexts,
    on even sets. ``calibration_error``: ``expected_calibration_error`` on sets with the shares of
    training. ``share_error``, where p(a) is learned: the largest distance of a mask's p(a) from
    its share in training.

    Args:
      even: of sets whose masks are equally frequent.
      mixed: of sets in training's mix.
      support: [A, K].
      mix: training's masks and their weights; masks that are not in it have none.
      log_prior: [A], log p(a) as learned; None: even, and assumed.
    """
    prior = np.zeros(len(support)) if log_prior is None else log_prior
    found = agreement_of(_posterior(even, prior).argmax(axis=1), even.masks, support)
    named = in_order(_posterior(mixed, prior), support, found.order)
    scores = {
        "accuracy_by_bound": Score(found.accuracy, 1.0, FRACTION),
        "calibration_error": Score(
            expected_calibration_error(named, rows_of(mixed.masks, support)), 0.0, FRACTION
        ),
    }
    if log_prior is not None:
        masks, weights = checked_mix(mix, support.shape[1])
        true = np.zeros(len(support))
        true[rows_of(masks, support)] = weights / weights.sum()
        off = np.abs(in_order(np.exp(log_prior), support, found.order) - true).max()
        scores["share_error"] = Score(float(off), 0.0, FRACTION)
    return scores


def _posterior(sets: BoundOfSets, log_prior: np.ndarray) -> np.ndarray:
    """p(a | D) by the bound, [M, A]."""
    return np.exp(log_mask_posterior(sets.elbo, log_prior))
