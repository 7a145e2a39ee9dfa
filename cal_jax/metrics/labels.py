"""Agreement of inferred and true masks, up to the order of the contexts.

Shape letters: M sets, A masks of the support, K contexts.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.scores import FRACTION, RATIO, Score


class Agreement(NamedTuple):
    """The best agreement over the K! orders of a model's contexts."""

    accuracy: float
    """The share of sets whose mask is right."""
    order: tuple[int, ...]
    """Of each factor, which of the model's contexts it is."""


class LabelScores(NamedTuple):
    """Scores of inferred masks."""

    scores: dict[str, Score]
    order: tuple[int, ...]
    """See ``Agreement``: of the most probable masks."""


def label_scores(
    probabilities: np.ndarray,
    masks: np.ndarray,
    support: np.ndarray,
    course: Sequence[ArrayLike],
    seed: int,
) -> LabelScores:
    """Scores of the label network on sets with masks unseen in training.

    ``accuracy``: of the most probable mask; ``accuracy_sampled``: of one drawn from
    q(a | D), as the thesis scores it; ``best_accuracy``: the best of any chunk of
    training, on training sets; ``nmi``: of most probable and true masks, the mutual
    information over the mean of their entropies.

    Args:
      probabilities: [M, A], q(a | D).
      masks: [M, K], the true ones.
      support: [A, K].
      course: of each chunk of training, the mean confusion [A, A].
      seed: of the draws.
    """
    from sklearn.metrics import normalized_mutual_info_score

    truth, size = rows_of(masks, support), len(support)
    likely = probabilities.argmax(axis=1)
    draws = np.random.default_rng(seed).random((len(truth), 1))
    drawn = np.minimum((probabilities.cumsum(axis=1) < draws).sum(axis=1), size - 1)
    agreement = agreement_of(likely, masks, support)
    values = {
        "accuracy": agreement.accuracy,
        "accuracy_sampled": agreement_of(drawn, masks, support).accuracy,
        "best_accuracy": max(
            pseudo_accuracy(np.asarray(confusion), support).accuracy for confusion in course
        ),
    }
    scores = {name: Score(value, 1.0, FRACTION) for name, value in values.items()}
    nmi = float(normalized_mutual_info_score(truth, likely))
    return LabelScores({**scores, "nmi": Score(nmi, 1.0, RATIO)}, agreement.order)


def agreement_of(rows: np.ndarray, masks: np.ndarray, support: np.ndarray) -> Agreement:
    """``pseudo_accuracy`` of predicted masks.

    Args:
      rows: int [M], the index in the support of each predicted mask.
      masks: [M, K], the true ones.
      support: [A, K].

    Raises:
      InputError: see ``rows_of`` and ``pseudo_accuracy``.
    """
    confusion = np.zeros((len(support), len(support)))
    np.add.at(confusion, (rows_of(masks, support), rows), 1)
    return pseudo_accuracy(confusion, support)


def pseudo_accuracy(confusion: np.ndarray, support: np.ndarray) -> Agreement:
    """The pseudo-accuracy of thesis 6.4.3, at the best order of the contexts.

    Args:
      confusion: [A, A], counts of each true mask (row) predicted as each mask (column).
      support: [A, K], the masks, closed under permutations of the contexts.

    Raises:
      InputError: other shapes, no sets, or a support that is not closed.
    """
    size, num_contexts = support.shape
    if confusion.shape != (size, size) or not confusion.sum() > 0:
        raise InputError(
            f"confusion {confusion.shape}, {confusion.sum():g} sets in all; "
            f"accepted: [{size}, {size}], one set or more"
        )
    best = Agreement(-1.0, ())
    for order in permutations(range(num_contexts)):
        read_as = [_row(support, mask[list(order)]) for mask in support]
        right = confusion[read_as, np.arange(size)].sum() / confusion.sum()
        if right > best.accuracy:
            best = Agreement(float(right), order)
    return best


def in_order(values: np.ndarray, support: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Values of a model's masks [..., A] as those of the factors' masks.

    Args:
      values: of each mask of the model's contexts.
      support: [A, K], closed under permutations of the contexts.
      order: of each factor, which of the model's contexts it is.

    Raises:
      InputError: a support that is not closed.
    """
    read_as = [_row(support, mask[list(order)]) for mask in support]
    named = np.empty_like(values)
    named[..., read_as] = values
    return named


def rows_of(masks: np.ndarray, support: np.ndarray) -> np.ndarray:
    """The index in the support of each mask [M, K]: int [M].

    Raises:
      InputError: a mask that is not in it.
    """
    return np.asarray([_row(support, mask) for mask in masks])


def _row(support: np.ndarray, mask: np.ndarray) -> int:
    found = np.flatnonzero((support == mask).all(axis=1))
    if not len(found):
        raise InputError(f"mask {mask.tolist()} is not in the support {support.tolist()}")
    return int(found[0])
