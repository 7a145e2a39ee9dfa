"""Consistency and restrictiveness of each context (Shu et al. 2020, sections 3 and 6).

Shape letters: S sets, N items in a set, F factors.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.distributions import sample
from cal_jax.evaluation.generation_scores import Read
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import Sampler, in_batches
from cal_jax.metrics.scores import FRACTION, Score, pair_difference
from cal_jax.objectives.context_aware import select_contexts
from cal_jax.objectives.protocols import ContextAwareGenerative

ITEMS = 4
"""Of a set in which one context alone is drawn anew."""


def agreement_above_chance(readings: np.ndarray) -> float:
    """Agreement of items within a set relative to items of different sets: 1 - d_in / d_out.

    d is the mean over pairs of items of the number of factors predicted differently: half
    the squared distance of one-hot predictions, so this is the normalised score of Shu et
    al. with our oracle as encoder. 1: the items of a set never differ; 0: they differ as
    much as any two, or no items differ at all.

    Args:
      readings: int [S, N, F], S and N of 2 or more.
    """
    inside = sum(pair_difference(factor) for factor in np.moveaxis(readings, -1, 0))
    outside = sum(_difference_of_sets(factor) for factor in np.moveaxis(readings, -1, 0))
    return float(1.0 - inside / outside) if outside > 0 else 0.0


def _difference_of_sets(readings: np.ndarray) -> float:
    """The probability that two items of two different sets differ: int [S, N]."""
    sets, items = readings.shape
    differ_in_all = pair_difference(readings.reshape(1, -1)) * sets * items * (sets * items - 1)
    differ_inside = pair_difference(readings) * sets * items * (items - 1)
    return float((differ_in_all - differ_inside) / (items**2 * sets * (sets - 1)))


def resample_one(
    key: Array, generative: ContextAwareGenerative, a: Array, num_items: int = ITEMS
) -> GeneratedSet:
    """ONE set whose items differ only in the contexts that vary under ``a``.

    The constant contexts and z's noise are shared; the pixels
    are drawn for each item.

    Args:
      key: a PRNG key.
      generative: the model.
      a: [K] in {0, 1}.
      num_items: N.
    """
    key_constant, key_varying, key_latent, key_item = jax.random.split(key, 4)
    chosen = a[:, None] * sample(generative.constant_prior(a), key_constant)
    varying = sample(generative.varying_prior(chosen, a), key_varying, (num_items,))
    contexts = select_contexts(chosen, varying, a)
    # One key for every item gives the same noise.
    z = jnp.concatenate(
        [sample(generative.latent_prior(contexts[n : n + 1]), key_latent) for n in range(num_items)]
    )
    likelihood = generative.likelihood(z, contexts)
    return GeneratedSet(sample(likelihood, key_item), likelihood.mean())


def guarantee_scores(
    names: Sequence[str],
    model: nn.Module,
    variables: Variables,
    key: Array,
    alone: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    read: Read,
    *,
    num_sets: int,
    set_size: int,
) -> dict[str, Score]:
    """``consistency_<k>`` and ``restrictiveness_<k>``, on samples and on means (``_means``).

    Consistency: c_k is shared by the items of a generated set, all else drawn anew for
    each (the mask with k alone constant); factor k should stay. Restrictiveness: c_k alone
    is drawn anew, all other contexts and z's noise are shared (the mask with all but k
    constant); the other factors should stay. Both by ``agreement_above_chance`` of the
    oracle's readings, contexts from the priors. Ceiling: the same of real sets of that
    mask.

    Args:
      names: of the K factors.
      model, variables: the trained model, which has a context for each.
      key: a PRNG key.
      alone: for each k, real sets [S', N', H, W] in which it alone is constant.
      others: for each k, real sets in which it alone varies.
      read: the oracle.
      num_sets: S.
      set_size: N, of the sets for consistency.
    """
    sampler = Sampler(model, variables, set_size)
    resample = functools.partial(_compiled(model), variables)
    scores = {}
    for k, name in enumerate(names):
        own, rest = [k], [j for j in range(len(names)) if j != k]
        a = np.eye(len(names), dtype=np.float32)[k]
        key_consistent, key_restrictive = jax.random.split(jax.random.fold_in(key, k))
        keys = jax.random.split(key_restrictive, num_sets)
        others_constant = np.broadcast_to(1.0 - a, (num_sets, len(a)))
        made = {
            "consistency": sampler.unconditional(key_consistent, a, num_sets),
            "restrictiveness": in_batches(resample, keys, others_constant),
        }
        real = {"consistency": (alone[k], own), "restrictiveness": (others[k], rest)}
        for what, sets in made.items():
            given, judged = real[what]
            ceiling = agreement_above_chance(read(given)[..., judged])
            for suffix, field in (("", "samples"), ("_means", "means")):
                value = agreement_above_chance(read(getattr(sets, field))[..., judged])
                scores[f"{what}_{name}{suffix}"] = Score(value, ceiling, FRACTION)
    return scores


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module) -> Callable[..., GeneratedSet]:
    """One program for every model of the same architecture."""

    def one(generative: Any, _: Any, key: Array, a: Array) -> GeneratedSet:
        return resample_one(key, generative, a)

    return jax.jit(map_model(one, model))
