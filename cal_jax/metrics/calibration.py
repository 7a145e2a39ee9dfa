"""Calibration of predicted probabilities."""

import numpy as np

from cal_jax.errors import InputError


def expected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, *, bins: int = 15
) -> float:
    """How far the confidence in the most probable class is from how often it is right.

    Guo et al. 2017, (3): predictions are put into bins of equal width by their confidence, the
    largest probability; the distance of each bin's accuracy from its mean confidence is averaged
    by the bin's share of the predictions.

    Args:
      probabilities: [M, A], each row adds up to 1.
      truth: int [M], the right classes.
      bins: of the confidences from 0 to 1; each has its upper end.

    Returns:
      From 0, calibrated, to 1.

    Raises:
      InputError: no predictions, other shapes, rows that are no distributions, bins below 1.
    """
    probabilities, truth = np.asarray(probabilities, float), np.asarray(truth)
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1] or not truth.size:
        raise InputError(
            f"probabilities {probabilities.shape}, truth {truth.shape}; accepted: [M, A] and [M], "
            "M of 1 or more"
        )
    if not (probabilities >= 0).all() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        raise InputError("probabilities: a row that is no distribution; accepted: sums of 1")
    if bins < 1:
        raise InputError(f"bins {bins}; accepted: 1 or more")
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))
