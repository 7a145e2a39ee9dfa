"""Oracle scores of a context-aware learner's generated sets (thesis 6.4; definitions in docs)."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import Sampler
from cal_jax.metrics.merged import agreement_merged, conditional_merged, joint_merged
from cal_jax.metrics.scores import (
    FRACTION,
    NATS_PER_ITEM,
    RATIO,
    Score,
    agreement,
    conditional,
    diversity,
    joint,
    mutual_information,
)

Read = Callable[[np.ndarray], np.ndarray]
"""Images [..., H, W] -> the oracle's labels int [..., F]."""

Merge = Callable[[np.ndarray], np.ndarray]
"""Labels int [..., F] -> with all that they may stand for, [..., A, F]."""


class RealSets(NamedTuple):
    """Real test sets of one label."""

    x: np.ndarray
    """[M, N, H, W]."""
    factors: np.ndarray
    """int [M, N, K], the true values."""


class Real(NamedTuple):
    """Real test sets of the scored labels, equally many of each."""

    one_constant: tuple[RealSets, ...]
    """For each context k, sets in which it alone is constant."""
    all_constant: RealSets
    none_constant: RealSets


class Generated(NamedTuple):
    """The generated sets to score, [M, N, H, W] each."""

    unconditional: tuple[GeneratedSet, ...]
    """One for each context: sets in which it alone is constant."""
    conditional: tuple[GeneratedSet, ...]
    """The same, conditioned on the real sets."""
    synthesis: GeneratedSet
    """Sets with every context constant, each context from a source of its own."""
    all_constant: GeneratedSet
    """Sets with every context constant, from the priors (figure 6.6)."""
    none_constant: GeneratedSet
    """Sets in which every context varies, from the priors (figure 6.6)."""


class Labels(NamedTuple):
    """The oracle's predictions, int [M, N, F] each, and the targets, int [M] or [M, F]."""

    unconditional: tuple[np.ndarray, ...]
    conditional: tuple[np.ndarray, ...]
    conditions: tuple[np.ndarray, ...]
    synthesis: np.ndarray
    sources: np.ndarray
    all_constant: np.ndarray
    none_constant: np.ndarray


def generate(sampler: Sampler, key: jax.Array, real: Real) -> Generated:
    """Generate as many sets as there are real ones, for each kind of score.

    Args:
      sampler: the model.
      key: a PRNG key.
      real: the sets to condition on.
    """
    given = real.one_constant
    num_contexts, num_sets = len(given), len(given[0].x)
    labels = np.eye(num_contexts, dtype=np.float32)
    key_prior, key_posterior, key_synthesis = jax.random.split(key, 3)

    def from_priors(index: int, label: np.ndarray) -> GeneratedSet:
        return sampler.unconditional(jax.random.fold_in(key_prior, index), label, num_sets)

    sources = np.stack([sets.x for sets in given], axis=1)
    return Generated(
        unconditional=tuple(from_priors(k, label) for k, label in enumerate(labels)),
        conditional=tuple(
            sampler.conditional(jax.random.fold_in(key_posterior, k), given[k].x, label)
            for k, label in enumerate(labels)
        ),
        synthesis=sampler.synthesise(key_synthesis, sources, labels),
        all_constant=from_priors(num_contexts, np.ones_like(labels[0])),
        none_constant=from_priors(num_contexts + 1, np.zeros_like(labels[0])),
    )


def synthesis_name(num_factors: int) -> str:
    """The name of the score of sets with a source for every factor."""
    return "synthesis_triple" if num_factors == 3 else "synthesis_joint"


def generation_scores(
    names: tuple[str, ...],
    generated: Generated,
    real: Real,
    read: Read,
    merge: Merge | None = None,
) -> dict[str, Score]:
    """Every score on samples of the decoder, and again on its means (suffix ``_means``).

    ``conditional_<k>``: items whose oracle label is the conditioning set's.
    ``unconditional_<k>``: items whose label is the modal one of their set, where k alone
    is constant; ``all_constant_<k>``: the same where all are.
    ``diversity_<k>``: P(two items differ in k) in the conditional sets where k
    varies, over the same in real sets; ``neither_diversity_<k>``: the same in sets
    from the priors where all vary. ``neither_mutual_information``: of two factors'
    labels in these sets, the most of any pair. ``synthesis_joint``: every label right, each
    of its own source; with three sources ``synthesis_triple``.
    The ceiling of each is the same score of real sets.

    Args:
      names: of the K factors, in the order of the oracle's labels.
      generated: from ``generate``.
      real: the sets that ``generated`` is conditioned on.
      read: the oracle.
      merge: for look-alike labels; adds the scores ``_merged``.
    """
    real_labels = _real_labels(real, read)
    ceilings = _values(names, real_labels, real_labels, merge)
    scores = {}
    for suffix, field in (("", "samples"), ("_means", "means")):
        found = _generated_labels(generated, field, read, real_labels)
        for name, (value, unit) in _values(names, found, real_labels, merge).items():
            scores[f"{name}{suffix}"] = Score(value, ceilings[name][0], unit)
    return scores


def _real_labels(real: Real, read: Read) -> Labels:
    """The predictions on real sets, in place of generated ones of the same label."""
    one = tuple(read(sets.x) for sets in real.one_constant)
    every, none = read(real.all_constant.x), read(real.none_constant.x)
    truth = tuple(sets.factors[:, 0, k] for k, sets in enumerate(real.one_constant))
    return Labels(one, one, truth, every, real.all_constant.factors[:, 0], every, none)


def _generated_labels(generated: Generated, field: str, read: Read, real: Labels) -> Labels:
    def labels(sets: GeneratedSet) -> np.ndarray:
        return read(getattr(sets, field))

    return Labels(
        unconditional=tuple(map(labels, generated.unconditional)),
        conditional=tuple(map(labels, generated.conditional)),
        conditions=real.conditions,
        synthesis=labels(generated.synthesis),
        sources=np.stack(real.conditions, axis=-1),
        all_constant=labels(generated.all_constant),
        none_constant=labels(generated.none_constant),
    )


def _values(
    names: tuple[str, ...], found: Labels, real: Labels, merge: Merge | None
) -> dict[str, tuple[float, str]]:
    """Each score of some labels by name, with its unit."""
    values: dict[str, tuple[float, str]] = {}
    for k, name in enumerate(names):
        others = [j for j in range(len(names)) if j != k]
        varied = [
            diversity(found.conditional[j][..., k], real.conditional[j][..., k]) for j in others
        ]
        values |= {
            f"conditional_{name}": (
                conditional(found.conditional[k][..., k], found.conditions[k]),
                FRACTION,
            ),
            f"unconditional_{name}": (agreement(found.unconditional[k][..., k]), FRACTION),
            f"all_constant_{name}": (agreement(found.all_constant[..., k]), FRACTION),
            f"diversity_{name}": (float(np.mean(varied)), RATIO),
            f"neither_diversity_{name}": (
                diversity(found.none_constant[..., k], real.none_constant[..., k]),
                RATIO,
            ),
        }
    none = found.none_constant
    pairs = combinations(range(len(names)), 2)
    shared = max(mutual_information(none[..., i], none[..., j]) for i, j in pairs)
    values["neither_mutual_information"] = (shared, NATS_PER_ITEM)
    values[synthesis_name(len(names))] = (joint(found.synthesis, found.sources), FRACTION)
    if merge is not None:
        values |= _merged_values(names, found, merge)
    return values


def _merged_values(
    names: tuple[str, ...], found: Labels, merge: Merge
) -> dict[str, tuple[float, str]]:
    values: dict[str, float] = {}
    for k, name in enumerate(names):
        given, unconditional = merge(found.conditional[k]), merge(found.unconditional[k])
        every = merge(found.all_constant)
        values |= {
            f"conditional_{name}_merged": conditional_merged(given[..., k], found.conditions[k]),
            f"unconditional_{name}_merged": agreement_merged(unconditional[..., k]),
            f"all_constant_{name}_merged": agreement_merged(every[..., k]),
        }
    synthesis = f"{synthesis_name(len(names))}_merged"
    values[synthesis] = joint_merged(merge(found.synthesis), found.sources)
    return {name: (value, FRACTION) for name, value in values.items()}
