"""(digit, rotation) pairs held out of training."""

import numpy as np

from cal_jax.data.images import NUM_CLASSES
from cal_jax.data.rotation import ROTATIONS, UPSIDE_DOWN
from cal_jax.errors import InputError

LARGEST_SHARE = 0.3


def look_alikes() -> np.ndarray:
    """The class of every (digit, rotation), int [10, 8]; indistinguishable pairs share one.

    (6, t) = (9, t + 180), and (d, t) = (d, t + 180) for d in {0, 1, 8}: 60 classes, each
    named by the smallest 8 digit + rotation in it.
    """
    pairs = np.arange(NUM_CLASSES * ROTATIONS).reshape(NUM_CLASSES, ROTATIONS)
    twins = pairs.copy()
    for digit, is_also in UPSIDE_DOWN.items():
        twins[digit] = np.roll(pairs[is_also], ROTATIONS // 2)
    return np.minimum(pairs, twins)


def held_out_pairs(share: float, seed: int) -> np.ndarray:
    """The held-out (digit, rotation) pairs, bool [10, 8]: whole classes of ``look_alikes``.

    The classes are drawn uniformly by rejection until every digit keeps at least half
    of its rotations and every rotation half of the digits.

    Args:
        share: of the 60 classes.
        seed: of the choice.

    Raises:
        InputError: a share of no class, or above ``LARGEST_SHARE``.
    """
    classes = look_alikes()
    names = np.unique(classes)
    if not 0.5 / len(names) < share <= LARGEST_SHARE:
        raise InputError(
            f"held_out {share}; accepted: a share of at least one of {len(names)} classes, "
            f"and at most {LARGEST_SHARE}"
        )
    rng, count = np.random.default_rng(seed), round(share * len(names))
    while True:
        held_out = np.isin(classes, rng.choice(names, count, replace=False))
        if max(held_out.mean(axis=0).max(), held_out.mean(axis=1).max()) <= 0.5:
            return held_out
