"""Data sets of two contexts, sets drawn from them, and shares of what was drawn."""

import numpy as np

from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset

# Digits of unequal number, in no order; digit 7 is absent.
DIGITS = np.random.default_rng(0).permutation(
    np.repeat([0, 1, 2, 3, 4, 5, 6, 8, 9], [10, 10, 12, 20, 30, 40, 50, 60, 200])
)
X = np.arange(len(DIGITS), dtype=np.float32)[:, None]
EVERY_MASK = (((0, 0), 1), ((0, 1), 1), ((1, 0), 1), ((1, 1), 1))

SHOWN = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]], bool)
"""Turns [4] of each of three letters."""


def digits(turns=2, labels=DIGITS, **fields):
    """Digits that may be turned: a column, and a rendered factor."""
    return FactorDataset(
        X[: len(labels)],
        {"digit": labels},
        value_names={"digit": range(10)},
        rendered={"turn": range(turns)},
        render=lambda x, values, key: x,
        **fields,
    )


def sets(mix=EVERY_MASK, num_sets=4000, set_size=10, seed=0, data=None, **options):
    return draw_context_sets(
        np.random.default_rng(seed),
        digits() if data is None else data,
        ("digit", "turn"),
        num_sets=num_sets,
        set_size=set_size,
        mix=mix,
        **options,
    )


def constant(drawn):
    return (drawn.values == drawn.values[:, :1]).all(axis=1)


def shares(values, sizes):
    """How often each combination comes, [*sizes]; values [..., K]."""
    cells = np.ravel_multi_index(np.moveaxis(values, -1, 0).reshape(len(sizes), -1), sizes)
    return (np.bincount(cells, minlength=np.prod(sizes)) / cells.size).reshape(sizes)


def close(found, expected, count):
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(0.25 / count))
    assert (found[expected == 0] == 0).all()


def rendered_table():
    """Three letters of which some turns never occur."""
    return FactorDataset(
        X[:60],
        {"digit": np.arange(60) % 3},
        rendered={"turn": range(4)},
        render=lambda x, values, key: x,
        shown={("turn", "digit"): SHOWN.T},
    )


def column_table():
    """The same combinations as columns: unequally many items of each."""
    cells = np.argwhere(SHOWN)
    rows = cells[np.repeat(np.arange(len(cells)), 5 + np.arange(len(cells)))]
    return FactorDataset(X[: len(rows)], {"turn": rows[:, 1], "digit": rows[:, 0]})
