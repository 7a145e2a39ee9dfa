"""The unweighted bound of held-out data."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.inference.mapping import Variables, dataset_keys, map_objective
from cal_jax.inference.sampler import in_batches


def bound_per_item(
    objective: Callable[..., Any],
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    *data: np.ndarray,
    items: int,
    samples: int = 4,
    batch_statistics: bool = False,
) -> Any:
    """Mean terms of the bound in nats per item.

    Args:
      objective: ``(key, generative, inference, *data) -> terms``.
      model, variables: the trained model.
      key: a PRNG key.
      data: arrays [M, ...] for the objective, one row a data set or item.
      items: N, items in a row.
      samples: Monte Carlo samples of each row.
      batch_statistics: normalise by each batch instead of the running averages,
        which an untrained model lacks.

    Returns:
      The objective's terms, of numpy values averaged over rows and samples.
    """
    terms_of = _compiled(objective, model, batch_statistics)
    keys = dataset_keys(key, 0, len(data[0]), samples)
    terms = in_batches(functools.partial(terms_of, variables), keys, *data)
    return jax.tree.map(lambda term: term.mean(axis=(0, 1)) / items, terms)


@functools.lru_cache(maxsize=8)
def _compiled(objective: Callable[..., Any], model: nn.Module, batch_statistics: bool) -> Any:
    """One program for every model of the same architecture."""
    mapped = map_objective(objective, model, training=batch_statistics)

    @jax.jit
    def terms_of(variables: Variables, keys: jax.Array, *data: jax.Array) -> Any:
        return mapped(variables, keys, *data)[0]

    return terms_of
