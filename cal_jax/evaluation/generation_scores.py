"""Oracle scores of what a context-aware learner generates (thesis 6.4; definitions in docs)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.evaluation.scores import (
    FRACTION,
    RATIO,
    Score,
    agreement,
    conditional,
    diversity,
    joint,
)
from cal_jax.generation import GeneratedSet
from cal_jax.sampler import Sampler

Read = Callable[[np.ndarray], np.ndarray]
"""Images [..., H, W] -> the oracle's labels int [..., F]."""


class RealSets(NamedTuple):
    """Real test sets of one label."""

    x: np.ndarray
    """[M, N, H, W]."""
    factors: np.ndarray
    """int [M, N, K], the true values."""


class Generated(NamedTuple):
    """Everything that is scored, [M, N, H, W] each."""

    unconditional: tuple[GeneratedSet, ...]
    """One for each context: sets in which it alone is constant."""
    conditional: tuple[GeneratedSet, ...]
    """The same, conditioned on the real sets."""
    synthesis: GeneratedSet
    """Sets with every context constant, each context from a source of its own."""


def generate(sampler: Sampler, key: jax.Array, real: tuple[RealSets, ...]) -> Generated:
    """Generate as many sets as there are real ones, in each of the three ways.

    Args:
      sampler: the model.
      key: a PRNG key.
      real: for each context k, sets whose label is constant in k alone.
    """
    labels = np.eye(len(real), dtype=np.float32)
    key_prior, key_posterior, key_synthesis = jax.random.split(key, 3)
    unconditional = tuple(
        sampler.unconditional(jax.random.fold_in(key_prior, k), label, len(real[k].x))
        for k, label in enumerate(labels)
    )
    given = tuple(
        sampler.conditional(jax.random.fold_in(key_posterior, k), real[k].x, label)
        for k, label in enumerate(labels)
    )
    sources = np.stack([sets.x for sets in real], axis=1)
    return Generated(unconditional, given, sampler.synthesise(key_synthesis, sources, labels))


def generation_scores(
    names: tuple[str, ...],
    generated: Generated,
    real: tuple[RealSets, ...],
    real_all_constant: RealSets,
    read: Read,
) -> dict[str, Score]:
    """Every score on samples of the decoder, and again on its means (suffix ``_means``).

    ``conditional_<k>``: items whose oracle label is the conditioning set's.
    ``unconditional_<k>``: items whose label is the modal one of their set.
    ``diversity_<k>``: P(two items differ in k) in the conditional sets where k
    varies, over the same in real sets. ``synthesis_joint``: every label right.

    Args:
      names: of the K factors, in the order of the oracle's labels.
      generated: from ``generate``.
      real: for each context k, the real sets that ``generated`` started from.
      real_all_constant: real sets with every context constant, for a ceiling.
      read: the oracle.
    """
    truth = [sets.factors[:, 0, k] for k, sets in enumerate(real)]
    real_labels = [read(sets.x) for sets in real]
    all_truth = real_all_constant.factors[:, 0]
    joint_ceiling = joint(read(real_all_constant.x), all_truth)
    scores = {}
    for suffix, field in (("", "samples"), ("_means", "means")):
        unconditional = [read(getattr(sets, field)) for sets in generated.unconditional]
        given = [read(getattr(sets, field)) for sets in generated.conditional]
        for k, name in enumerate(names):
            scores[f"conditional_{name}{suffix}"] = Score(
                conditional(given[k][..., k], truth[k]),
                conditional(real_labels[k][..., k], truth[k]),
                FRACTION,
            )
            scores[f"unconditional_{name}{suffix}"] = Score(
                agreement(unconditional[k][..., k]), agreement(real_labels[k][..., k]), FRACTION
            )
            others = [j for j in range(len(names)) if j != k]
            scores[f"diversity_{name}{suffix}"] = Score(
                float(
                    np.mean([diversity(given[j][..., k], real_labels[j][..., k]) for j in others])
                ),
                1.0,
                RATIO,
            )
        synthesis = read(getattr(generated.synthesis, field))
        scores[f"synthesis_joint{suffix}"] = Score(
            joint(synthesis, np.stack(truth, axis=-1)), joint_ceiling, FRACTION
        )
    return scores
