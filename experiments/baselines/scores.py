"""Scores of models with one context, or none, beside those of a context-aware learner.

Shape letters: M sets, N items in a set, K factors.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.generation_scores import Merge, Read, Real, synthesis_name
from cal_jax.inference.likelihood import (
    CONTEXT_SAMPLES,
    LATENT_SAMPLES,
    item_log_likelihoods,
    set_log_likelihoods,
)
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import in_batches
from cal_jax.inference.statistician import more_items, transferred_items
from cal_jax.metrics.merged import conditional_merged, joint_merged
from cal_jax.metrics.scores import FRACTION, RATIO, Score, conditional, diversity, joint


class Conditioned(NamedTuple):
    """What a model with one context generates from real sets, [M, N, H, W] each."""

    conditional: tuple[GeneratedSet, ...]
    """For each factor k, sets that share the context of real ones in which k alone is constant."""
    synthesis: GeneratedSet | None
    """Sets with the context of one source and every item's z of another; None where the model
    knows no group."""


def generate_conditioned(
    model: nn.Module, variables: Variables, key: jax.Array, real: Real, group: int | None
) -> Conditioned:
    """Generate as many sets as there are real ones, of their size.

    Args:
      model, variables: a trained model that meets the statistician's protocols, of one
        stochastic layer.
      key: a PRNG key.
      real: with two factors.
      group: the factor whose constancy the model knows as a group: the source of the context
        has it constant, that of z the other one; None: nothing is synthesised.
    """
    key_more, key_transfer = jax.random.split(key)

    def sets(function: Callable[..., GeneratedSet], key: jax.Array, *x: np.ndarray) -> GeneratedSet:
        mapped = jax.jit(map_model(_with_key_first(function), model))
        keys = jax.random.split(key, len(x[0]))
        return in_batches(lambda *batch: mapped(variables, *batch), keys, *x)

    given = [one.x for one in real.one_constant]
    more = tuple(sets(more_items, jax.random.fold_in(key_more, k), x) for k, x in enumerate(given))
    if group is None:
        return Conditioned(more, None)
    sources = (given[group], given[1 - group])
    return Conditioned(more, sets(transferred_items, key_transfer, *sources))


def conditioned_scores(
    names: tuple[str, ...],
    generated: Conditioned,
    real: Real,
    read: Read,
    merge: Merge | None = None,
) -> dict[str, Score]:
    """Scores named and defined as in ``generation_scores``, of samples and means (``_means``).

    ``conditional_<k>`` and ``diversity_<k>`` of every factor, and ``synthesis_joint``
    where there is a synthesis; ``_merged`` where labels look the same.

    Args:
      names: of the factors, in the order of the oracle's labels.
      generated: from ``generate_conditioned``.
      real: what ``generated`` started from.
      read: the oracle.
      merge: see ``generation_scores``.
    """
    labels = [read(sets.x) for sets in real.one_constant]
    truth = [sets.factors[:, 0, k] for k, sets in enumerate(real.one_constant)]
    every = real.all_constant

    def values(
        found: list[np.ndarray], synthesis: np.ndarray | None, sources: np.ndarray
    ) -> dict[str, tuple[float, str]]:
        result: dict[str, tuple[float, str]] = {}
        for k, name in enumerate(names):
            of_k = found[k]
            result[f"conditional_{name}"] = conditional(of_k[..., k], truth[k]), FRACTION
            varied = [
                diversity(found[j][..., k], labels[j][..., k]) for j in range(len(names)) if j != k
            ]
            result[f"diversity_{name}"] = float(np.mean(varied)), RATIO
            if merge is not None:
                share = conditional_merged(merge(of_k)[..., k], truth[k])
                result[f"conditional_{name}_merged"] = share, FRACTION
        if synthesis is not None:
            score = synthesis_name(len(names))
            result[score] = joint(synthesis, sources), FRACTION
            if merge is not None:
                result[f"{score}_merged"] = joint_merged(merge(synthesis), sources), FRACTION
        return result

    best = None if generated.synthesis is None else read(every.x)
    ceilings = values(labels, best, every.factors[:, 0])
    scores = {}
    for suffix, field in (("", "samples"), ("_means", "means")):
        found = [read(getattr(sets, field)) for sets in generated.conditional]
        both = None
        if generated.synthesis is not None:
            both = read(getattr(generated.synthesis, field))
        for name, (value, unit) in values(found, both, np.stack(truth, axis=-1)).items():
            scores[f"{name}{suffix}"] = Score(value, ceilings[name][0], unit)
    return scores


def bound_by_label(
    objective: Callable[..., Any],
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    is_group: np.ndarray,
    **options: Any,
) -> Any:
    """Mean terms of the bound of sets whose label is known, in nats per item.

    A set that is no group of the model's kind is read as groups of one item each.

    Args:
      objective, model, variables, key, options: as in ``evaluation.bound.bound_per_item``.
      x: [M, N, H, W].
      is_group: bool [M].

    Returns:
      The objective's terms.
    """
    parts = [part for part in (x[is_group], _alone(x[~is_group])) if len(part)]
    means = [
        bound_per_item(objective, model, variables, key, part, items=part.shape[1], **options)
        for part in parts
    ]
    items = np.array([part.shape[0] * part.shape[1] for part in parts])
    shares = items / items.sum()
    return jax.tree.map(
        lambda *terms: sum(w * term for w, term in zip(shares, terms, strict=True)), *means
    )


def group_log_evidences(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    group_share: float,
) -> np.ndarray:
    """log p(D) of each set by nested bounds, [M] nats, its label not known.

    With probability ``group_share`` it is one group, and otherwise each of its items is a
    group of its own; of 100 samples of a context by 50 of each z, as a context-aware
    learner's ``log_evidence_per_item``.

    Args:
      model, variables: as in ``generate_conditioned``.
      key: a PRNG key.
      x: [M, N, H, W].
      group_share: above 0; 1: every set is a group.
    """
    key_group, key_alone = jax.random.split(key)
    as_group = set_log_likelihoods(model, variables, key_group, x, layers=1)
    if group_share == 1:
        return as_group
    sets, items = x.shape[:2]
    alone = set_log_likelihoods(model, variables, key_alone, _alone(x), layers=1, batch=items)
    as_items = alone.reshape(sets, items).sum(axis=1)
    return np.logaddexp(np.log(group_share) + as_group, np.log1p(-group_share) + as_items)


def item_log_evidences(
    model: nn.Module, variables: Variables, key: jax.Array, x: np.ndarray
) -> np.ndarray:
    """log p(D) of each set of a model of single items, [M] nats; of 100 x 50 samples an item.

    Args:
      model, variables: a trained model that meets the autoencoder's protocols.
      key: a PRNG key.
      x: [M, N, H, W].
    """
    samples = CONTEXT_SAMPLES * LATENT_SAMPLES
    items = x.reshape(-1, *x.shape[2:])
    bounds = item_log_likelihoods(model, variables, key, items, samples=samples)
    return bounds.reshape(x.shape[:2]).sum(axis=1)


def _alone(x: np.ndarray) -> np.ndarray:
    """Every item of [M, N, H, W] as a set of its own, [M * N, 1, H, W]."""
    return x.reshape(-1, 1, *x.shape[2:])


def _with_key_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """``(key, generative, inference, *args)`` as ``map_model`` calls it."""

    def mapped(generative: Any, inference: Any, key: jax.Array, *args: Any) -> Any:
        return function(key, generative, inference, *args)

    return mapped
