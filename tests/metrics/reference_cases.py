"""Inputs on which the metrics of disentanglement have values of other implementations."""

import numpy as np

SIZES = np.array([3, 4, 3])
"""Values of each factor."""
WEIGHTS = np.array(
    [[1.0, 0.0, 0.0, 0.5, 0.0], [0.0, 0.8, 0.2, 0.3, 0.0], [0.0, 0.2, 1.5, 0.0, 0.0]]
)
"""Codes mix factors: dimensions 0 to 2 mostly one each, 3 two of them, 4 none."""


def noisy_codes(seed, items):
    """Codes [I, 5] and factors int [I, 3]."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, SIZES, (items, 3))
    return factors @ WEIGHTS + 0.4 * rng.normal(size=(items, 5)), factors


def quantised_codes(seed, items):
    """Codes of a few levels, int [I, 5], and factors int [I, 3]."""
    codes, factors = noisy_codes(seed, items)
    return np.floor(codes * [1, 1, 1, 1, 0.5]).astype(int), factors


def encoded(factors):
    """Codes [..., 5] of factors int [..., 3] without noise: each depends on all three a little."""
    return factors @ WEIGHTS + 0.6 * np.sin(factors @ np.arange(1.0, 16.0).reshape(3, 5))


def drawn_factors(seed, points, size):
    """Which factor the items of each point share, int [P]; factors of pairs, int [2, P, B, 3]."""
    rng = np.random.default_rng(seed)
    fixed = rng.integers(3, size=points)
    pairs = rng.integers(0, SIZES, (2, points, size, 3))
    return fixed, pairs


def sharing(factors, others, fixed):
    """``others`` [P, B, 3] with the values of ``factors`` of the factors ``fixed`` [P]."""
    return np.where(fixed[:, None, None] == np.arange(3), factors, others)
