"""Power laws: the slope of log time against log size."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cal_jax.errors import InputError


class Exponent(NamedTuple):
    """``time`` grows as ``size`` to this power."""

    value: float
    standard_error: float | None
    """None of two points, through which the line goes."""


def fit_exponent(sizes: Sequence[float], times: Sequence[float]) -> Exponent:
    """Least squares of log times on log sizes, with the usual standard error of the slope.

    Args:
        sizes, times: [M], all above 0; of two different sizes or more.

    Raises:
        InputError: fewer than two different sizes.
    """
    if len(set(sizes)) < 2:
        raise InputError(f"sizes {list(sizes)}; accepted: two different ones or more")
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(times, float))
    spread = float(np.sum((x - x.mean()) ** 2))
    slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread
    freedom = len(x) - 2
    if freedom == 0:
        return Exponent(slope, None)
    residuals = y - y.mean() - slope * (x - x.mean())
    variance = float(np.sum(residuals**2)) / freedom
    return Exponent(slope, math.sqrt(variance / spread))
