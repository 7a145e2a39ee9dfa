"""Tables of factors in which every combination of values is there once: factors are independent."""

import numpy as np


def full_table(*sizes):
    """Factors int [I, F] with so many values each."""
    grid = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, len(sizes))


def rotated(factors):
    """Two factors turned by 45 degrees about their means: each code mixes both alike."""
    centred = factors - factors.mean(axis=0, keepdims=True)
    return centred @ np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
