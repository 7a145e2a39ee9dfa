"""Oracle scores of synthesis on pairs of a digit and a rotation, seen in training or held out."""

from collections.abc import Iterator

import jax
import numpy as np

from cal_jax.errors import InputError
from cal_jax.evaluation.generation_scores import Merge, Read, Real, RealSets
from cal_jax.inference.sampler import Sampler
from cal_jax.metrics.merged import joint_merged
from cal_jax.metrics.scores import FRACTION, Score, joint


def held_out_scores(
    sampler: Sampler,
    key: jax.Array,
    rng: np.random.Generator,
    real: Real,
    real_held_out: RealSets,
    held_out: np.ndarray,
    read: Read,
    merge: Merge,
) -> dict[str, Score]:
    """``synthesis_seen`` and ``synthesis_held_out``: both labels right, of two sources.

    As many sets of each kind as there are real sets of a label; their sources show seen
    pairs only. Each is scored on samples of the decoder, on its means (suffix ``_means``),
    and with labels that look the same as one (``_merged``). The ceiling is the same score
    of real sets of such pairs.

    Args:
      sampler: the model.
      key: a PRNG key.
      rng: of the choice of sources.
      real: sets of seen pairs; in ``one_constant`` those in which the digit alone is
        constant, then those in which the rotation is.
      real_held_out: sets of one held-out pair each.
      held_out: bool [10, 8], the pairs that training never saw.
      read: the oracle.
      merge: see ``generation_scores``.
    """
    digit, rotation = real.one_constant
    given = digit.factors[:, 0, 0], rotation.factors[:, 0, 1]
    kinds = (("seen", ~held_out, real.all_constant), ("held_out", held_out, real_held_out))
    scores = {}
    for index, (kind, wanted, best) in enumerate(kinds):
        first, second = source_rows(rng, *given, wanted, len(digit.x))
        sources = np.stack([digit.x[first], rotation.x[second]], axis=1)
        truth = np.stack([given[0][first], given[1][second]], axis=-1)
        made = sampler.synthesise(jax.random.fold_in(key, index), sources, np.eye(2))
        ceilings = dict(_shares(read(best.x), best.factors[:, 0], merge))
        for suffix, x in (("", made.samples), ("_means", made.means)):
            for part, share in _shares(read(np.asarray(x)), truth, merge):
                scores[f"synthesis_{kind}{part}{suffix}"] = Score(share, ceilings[part], FRACTION)
    return scores


def source_rows(
    rng: np.random.Generator,
    digits: np.ndarray,
    rotations: np.ndarray,
    wanted: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose pairs of sources whose digit and rotation together make a wanted pair.

    Uniform among all that do; a pair of sources may come twice, a source often.

    Args:
      rng: of the choice.
      digits: int [M], what each source of a digit gives.
      rotations: int [M'], what each source of a rotation gives.
      wanted: bool [10, 8], which pairs to make.
      count: how many.

    Returns:
      Rows int [count] of ``digits``, and of ``rotations``.

    Raises:
      InputError: no two sources make a wanted pair.
    """
    fitting = np.argwhere(wanted[digits[:, None], rotations[None]])
    if not len(fitting):
        raise InputError("test_sets: no two test sets make a wanted pair; accepted: more sets")
    first, second = fitting[rng.integers(len(fitting), size=count)].T
    return first, second


def _shares(labels: np.ndarray, truth: np.ndarray, merge: Merge) -> Iterator[tuple[str, float]]:
    """The share of items with both labels right, and the merged one, by suffix."""
    yield "", joint(labels, truth)
    yield "_merged", joint_merged(merge(labels), truth)
