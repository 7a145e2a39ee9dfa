"""The score of the FactorVAE (Kim & Mnih 2018, arXiv:1802.05983)."""

import numpy as np
from numpy.typing import ArrayLike

from cal_jax.errors import InputError
from cal_jax.metrics.codes import checked_blocks
from cal_jax.metrics.fixed_factor import FixedFactorGroups, checked_points


def factor_vae_score(
    train: FixedFactorGroups,
    test: FixedFactorGroups,
    codes: ArrayLike,
    *,
    least_deviation: float = 0.0,
) -> float:
    """How well the dimension that varies least tells which factor the items of a group share.

    Each group votes with the dimension of the least variance within it, relative to the
    variance over all items; a dimension predicts the factor of most of its training votes.
    Accuracy on the test groups: a fraction, 1 is best, chance is the share of the most
    frequent factor. 0 if no dimension varies.

    Args:
        train: groups from ``draw_groups``, or codes of groups of one's own, [P, B, D],
            B >= 2; of blocks [P, B, K, C], the variance of a block is the sum over its
            dimensions. Papers use 10,000 groups of 64 items.
        test: groups that are scored, 5,000 in papers.
        codes: of all items or a sample, [I, D] or [I, K, C], I >= 2, for the variances.
        least_deviation: standard deviation over all items below which a dimension has no
            vote; Locatello et al. 2019 take 0.05. A constant dimension never has one.

    Raises:
        InputError: other shapes, codes that are not finite.
    """
    blocks = checked_blocks(codes)
    if len(blocks) < 2:
        raise InputError("codes: 1 item; accepted: 2 or more")
    overall = _variance(blocks)
    active = (np.ptp(blocks, axis=0) > 0).any(axis=-1) & (np.sqrt(overall) >= least_deviation)
    within = []
    for name, groups in (("train", train), ("test", test)):
        points = checked_points(name, groups.codes, groups.fixed, least=2)
        if points.shape[2:] != blocks.shape[1:]:
            raise InputError(
                f"{name}: shape {np.shape(groups.codes)}; accepted: items as in codes, "
                f"{np.shape(codes)}"
            )
        within.append(_variance(points)[:, active] / overall[active])
    if not active.any():
        return 0.0
    votes = np.zeros((int(active.sum()), int(np.max(train.fixed)) + 1), int)
    np.add.at(votes, (within[0].argmin(axis=1), np.asarray(train.fixed)), 1)
    predicted = votes.argmax(axis=1)[within[1].argmin(axis=1)]
    return float(np.mean(predicted == np.asarray(test.fixed)))


def _variance(blocks: np.ndarray) -> np.ndarray:
    """The variance over items [..., I, K, C] of each block, the sum over its dimensions."""
    return blocks.var(axis=-3, ddof=1).sum(axis=-1)
