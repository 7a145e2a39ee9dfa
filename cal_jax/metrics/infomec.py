"""InfoM, InfoC and InfoE (Hsu et al. 2023, 'Disentanglement via latent quantization').

arXiv:2305.18378.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_dimensions, checked_factors
from cal_jax.metrics.mutual_information import entropies, mutual_information_matrix
from cal_jax.metrics.scikit_learn import fitted, scikit_learn

NEIGHBOURS = 10
"""Of the estimate of a continuous code's information."""
ACTIVE_RANGE = 1 / 20
"""A continuous dimension is active if its range exceeds this share of the largest."""


class InfoMEC(NamedTuple):
    """Three scores and what they are of; ratios."""

    modularity: float
    """InfoM, 0 to 1: each active dimension informs about one factor."""
    compactness: float
    """InfoC, 0 to 1: one active dimension informs about each factor."""
    explicitness: float
    """InfoE, up to 1: a linear classifier predicts the factors; 0: no better than a guess."""
    information: np.ndarray
    """[D, F]: information of each dimension about each factor over the factor's entropy."""
    active: np.ndarray
    """bool [D]: dimensions that InfoM and InfoC are of."""


def infomec_scores(codes: ArrayLike, factors: ArrayLike, *, discrete: bool = False) -> InfoMEC:
    """Modularity, compactness and explicitness in terms of information.

    Of continuous codes, the information of a dimension is the estimate by ten nearest
    neighbours (Ross 2014), and a dimension is active if its range is above a twentieth of
    the largest one: scores do not change if all codes are multiplied by one number. InfoM
    and InfoC are the largest share of a dimension's (a factor's) information, so that an
    equal share is 0; one without any information counts 0.

    Args:
        codes: [I, D], two active dimensions or more. Blocks [I, K, C] are refused: the
            estimates are of one number each.
        factors: int [I, F], F >= 2.
        discrete: whether the numbers of a dimension are categories, as quantised codes are.

    Raises:
        InputError: other shapes, codes that are not finite, a factor of one value, ten items
            or fewer of continuous codes, fewer than two active dimensions.
    """
    dimensions = checked_dimensions(codes)
    labels = checked_factors(factors, len(dimensions), least=2)
    ranges = np.ptp(dimensions, axis=0)
    active = ranges > (0 if discrete else ranges.max() * ACTIVE_RANGE)
    if active.sum() < 2:
        raise InputError(f"codes: {active.sum()} active dimensions; accepted: 2 or more")
    if discrete:
        information = mutual_information_matrix(_categories(dimensions), labels)
    else:
        information = _neighbour_information(dimensions, labels)
    information = information / entropies(labels)
    return InfoMEC(
        _preference(information[active]),
        _preference(information[active].T),
        _explicitness(dimensions, labels, discrete),
        information,
        active,
    )


def _categories(dimensions: np.ndarray) -> np.ndarray:
    """The index of each number among those of its dimension, int [I, D]."""
    return np.stack([np.unique(column, return_inverse=True)[1] for column in dimensions.T], axis=1)


def _neighbour_information(dimensions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The estimate by nearest neighbours for continuous codes, nats [D, F]."""
    if len(dimensions) <= NEIGHBOURS:
        raise InputError(f"codes: {len(dimensions)} items; accepted: {NEIGHBOURS + 1} or more")
    rows = scikit_learn("preprocessing").StandardScaler().fit_transform(dimensions)
    estimate = scikit_learn("feature_selection").mutual_info_classif
    columns = [
        estimate(rows, values, discrete_features=False, n_neighbors=NEIGHBOURS, random_state=0)
        for values in labels.T
    ]
    return np.stack(columns, axis=1)


def _preference(information: np.ndarray) -> float:
    """The mean over rows of the largest share of a row, from 0, equal shares, to 1."""
    total, equal = information.sum(axis=1), 1 / information.shape[1]
    shares = np.full(len(total), equal)
    np.divide(information.max(axis=1), total, out=shares, where=total > 0)
    return float((shares.mean() - equal) / (1 - equal))


def _explicitness(dimensions: np.ndarray, labels: np.ndarray, discrete: bool) -> float:
    """1 - cross-entropy / log(values) of logistic regression; the mean over factors.

    Values weigh alike in the fit, so a classifier without codes guesses uniformly.
    """
    preprocessing = scikit_learn("preprocessing")
    scaler = preprocessing.OneHotEncoder() if discrete else preprocessing.StandardScaler()
    rows = scaler.fit_transform(dimensions)
    scores = []
    for values in labels.T:
        regression = scikit_learn("linear_model").LogisticRegression(
            C=np.inf, class_weight="balanced"
        )
        model = fitted(regression, rows, values)
        loss = scikit_learn("metrics").log_loss(values, model.predict_proba(rows))
        scores.append(1 - loss / math.log(len(model.classes_)))
    return float(np.mean(scores))
