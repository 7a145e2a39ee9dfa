"""One-to-one matching of codes with factors."""

import numpy as np

from cal_jax.errors import InputError


def best_matching(scores: np.ndarray) -> np.ndarray:
    """A different dimension for each factor, with the greatest sum of scores: int [F].

    The Hungarian algorithm (Kuhn 1955).

    Args:
        scores: of each dimension for each factor, [D, F] with D >= F.

    Raises:
        InputError: fewer dimensions than factors.
    """
    from scipy.optimize import linear_sum_assignment

    dimensions, factors = scores.shape
    if dimensions < factors:
        raise InputError(
            f"codes: {dimensions} dimensions for {factors} factors; accepted: {factors} or more"
        )
    return linear_sum_assignment(scores.T, maximize=True)[1]
