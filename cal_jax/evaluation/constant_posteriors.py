"""Posterior moments of sets' constant contexts, and the KL between them.

Shape letters: M data sets, N items, K contexts, C dimensions of each.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.divergences import diagonal_gaussian_kl
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches


class Moments(NamedTuple):
    """Moments of diagonal Gaussian posteriors of constant contexts."""

    mean: Any
    """[..., C]"""
    log_variance: Any
    """[..., C]"""

    def of(self, index: Any) -> "Moments":
        """The moments at an index."""
        return Moments(self.mean[index], self.log_variance[index])


def constant_moments(
    model: nn.Module, variables: Variables, x: np.ndarray, a: np.ndarray, counts: np.ndarray
) -> Moments:
    """The moments of q(c_k | a, D) of many sets, by running averages, in batches.

    Args:
      model, variables: a trained model that meets the context-aware learner's protocols.
      x: [M, N, *X].
      a: [K] in {0, 1}, the mask of all of them.
      counts: [N] or [M, N], 1 for the items that belong to the set: one program serves
        every size.

    Returns:
      Moments [M, K, C]; undefined where a context varies.
    """
    labels = np.broadcast_to(np.asarray(a, np.float32), (len(x), len(a)))
    masks = np.broadcast_to(np.asarray(counts, np.float32), x.shape[:2])
    return in_batches(functools.partial(_compiled(model), variables), x, labels, masks)


@jax.jit
def pairwise_kl(first: Moments, second: Moments) -> Array:
    """KL(first_q || second_m) of diagonal Gaussians, for each pair.

    Args:
      first: [..., Q, C]; second: [..., M, C], the same leading axes.

    Returns:
      [..., Q, M] nats.
    """
    q = [jnp.expand_dims(array, -2) for array in first]
    p = [jnp.expand_dims(array, -3) for array in second]
    return diagonal_gaussian_kl(*q, *p)


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module) -> Callable[..., Moments]:
    """One program for every model of the same architecture."""

    def one(_: Any, inference: Any, x: Array, a: Array, mask: Array) -> Moments:
        posterior = inference.constant_contexts(inference.encode(x), a, mask)
        return Moments(posterior.mean(), jnp.log(posterior.variance()))

    return jax.jit(map_model(one, model))
