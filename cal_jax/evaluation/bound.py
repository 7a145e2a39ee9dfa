"""The unweighted bound of held-out data sets."""

import functools
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.mapping import Variables, dataset_keys, map_objective
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.sampler import in_batches


def bound_per_item(
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    samples: int = 4,
    batch_statistics: bool = False,
) -> ContextAwareTerms:
    """Mean terms of the bound in nats per item.

    Args:
      model, variables: the trained model.
      key: a PRNG key.
      x: [M, N, *X] data sets.
      labels: [M, K].
      samples: Monte Carlo samples of each set.
      batch_statistics: normalise by each batch of sets instead of the running
        averages, which an untrained model does not have yet.

    Returns:
      ContextAwareTerms of numpy values: [] and [K].
    """
    mapped = map_objective(context_aware_elbo, model, training=batch_statistics)

    @jax.jit
    def terms_of(variables: Variables, keys: jax.Array, x: jax.Array, labels: jax.Array) -> Any:
        return mapped(variables, keys, x, labels)[0]

    keys = dataset_keys(key, 0, len(x), samples)
    terms = in_batches(functools.partial(terms_of, variables), keys, x, labels)
    return jax.tree.map(lambda term: term.mean(axis=(0, 1)) / x.shape[1], terms)
