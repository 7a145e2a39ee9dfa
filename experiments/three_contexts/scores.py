"""Oracle scores of sets from the priors in which two of three contexts are constant."""

from collections.abc import Mapping

import jax
import numpy as np

from cal_jax.data.mask_mix import ConstantMask
from cal_jax.evaluation.generation_scores import Read, RealSets
from cal_jax.inference.sampler import Sampler
from cal_jax.metrics.scores import FRACTION, RATIO, Score, agreement, diversity

Readings = Mapping[ConstantMask, np.ndarray]
"""By label, what the oracle reads in its sets: int [M, N, K]."""


def two_constant_scores(
    names: tuple[str, ...],
    sampler: Sampler,
    key: jax.Array,
    real: Mapping[ConstantMask, RealSets],
    read: Read,
) -> dict[str, Score]:
    """Every score on samples of the decoder, and again on its means (suffix ``_means``).

    ``two_constant_<k>``: items that have the modal label of their set, the mean over the
    labels in which k is constant. ``two_constant_diversity_<k>``: P(two items differ in k)
    where k alone varies, over the same in real sets. Ceiling: the same of real sets.

    Args:
      names: of the three factors.
      sampler: the model.
      key: a PRNG key.
      real: real sets of the three labels with two constant factors.
      read: the oracle.
    """
    truth = {label: read(sets.x) for label, sets in real.items()}
    made = {
        label: sampler.unconditional(jax.random.fold_in(key, index), np.array(label), len(sets.x))
        for index, (label, sets) in enumerate(real.items())
    }
    ceilings = _scores(names, truth, truth)
    scores = {}
    for suffix, field in (("", "samples"), ("_means", "means")):
        found = {label: read(getattr(sets, field)) for label, sets in made.items()}
        for name, (value, unit) in _scores(names, found, truth).items():
            scores[f"{name}{suffix}"] = Score(value, ceilings[name][0], unit)
    return scores


def _scores(
    names: tuple[str, ...], found: Readings, real: Readings
) -> dict[str, tuple[float, str]]:
    """Each score of some readings by name, with its unit."""
    scores = {}
    for k, name in enumerate(names):
        agreed = [agreement(sets[..., k]) for label, sets in found.items() if label[k]]
        (varied,) = (
            diversity(sets[..., k], real[label][..., k])
            for label, sets in found.items()
            if not label[k]
        )
        scores[f"two_constant_{name}"] = (float(np.mean(agreed)), FRACTION)
        scores[f"two_constant_diversity_{name}"] = (varied, RATIO)
    return scores
