"""Posterior means and samples of a context-aware learner's contexts (6.8), (6.9)."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from jax import Array

from cal_jax.distributions import sample
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.protocols import ContextAwareInference


class Contexts(NamedTuple):
    """The contexts of one data set under a constant mask: posterior means, and one sample.

    Varying contexts are given the constant ones: the means given the means, the sample
    given the sample.
    """

    constant_means: Any
    """[K, C], zero where varying."""
    constant_samples: Any
    """[K, C], zero where varying."""
    varying_means: Any
    """[N, K, C], zero where constant."""
    varying_samples: Any
    """[N, K, C], zero where constant."""


def posterior_contexts(
    key: Array, inference: ContextAwareInference, x: Array, a: Array, mask: Array | None = None
) -> Contexts:
    """The contexts of ONE data set; map it with ``cal_jax.inference.mapping.map_model``.

    Args:
      key: a PRNG key.
      inference: the approximate posterior.
      x: [N, *X]; a: [K] in {0, 1}; mask: [N], 1 for items that count, or None.

    Returns:
      Contexts; values at padding are undefined.
    """
    key_constant, key_varying = jax.random.split(key)
    h = inference.encode(blank_padding(x, mask))
    constant = inference.constant_contexts(h, a, mask)
    means = a[:, None] * constant.mean()
    samples = a[:, None] * sample(constant, key_constant)
    varies = (1.0 - a)[None, :, None]
    of_samples = sample(inference.varying_contexts(h, samples, a), key_varying)
    of_means = inference.varying_contexts(h, means, a).mean()
    return Contexts(means, samples, varies * of_means, varies * of_samples)


def contexts_of_sets(
    model: nn.Module,
    variables: Variables,
    key: Array,
    x: np.ndarray,
    a: np.ndarray,
    mask: np.ndarray | None = None,
) -> Contexts:
    """``posterior_contexts`` of many data sets with running averages, in batches.

    Args:
      model, variables: a trained model that meets the context-aware learner's protocols.
      key: a PRNG key.
      x: [M, N, *X].
      a: [K] in {0, 1}, the mask of all of them.
      mask: [M, N], 1 for items that count; None when all count.

    Returns:
      Contexts of numpy arrays, each with a leading axis [M].
    """
    same = np.broadcast_to(np.asarray(a, np.float32), (len(x), len(a)))
    masks = () if mask is None else (np.asarray(mask, np.float32),)
    keys = jax.random.split(key, len(x))
    contexts_of = functools.partial(_compiled(model), variables)
    return in_batches(contexts_of, keys, x, same, *masks)


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module) -> Callable[..., Contexts]:
    """One program for every model of the same architecture."""

    def one(_: Any, inference: Any, key: Array, *data: Array) -> Contexts:
        return posterior_contexts(key, inference, *data)

    return jax.jit(map_model(one, model))
