"""Masks of sets that are compared with each other: no label network, but company is needed."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.contrasted import item_posterior_means
from cal_jax.objectives.label_contrast import mask_disagreement

TOGETHER = 100
"""Sets that are compared with each other."""


def compared_masks(
    model: ContextAwareLearner,
    variables: Variables,
    x: np.ndarray,
    support: np.ndarray,
    *,
    dependence: float,
    spread: float,
) -> np.ndarray:
    """The disagreement of each mask with what ``TOGETHER`` sets say of each other: [M, A] nats.

    Args:
      model, variables: a trained model.
      x: [M, N, *X], sets.
      support: [A, K], masks, all taken for equally frequent.
      dependence, spread: as in training.
    """

    def means_of(_: Any, inference: Any, one: jax.Array) -> jax.Array:
        return item_posterior_means(inference, inference.encode(one), jnp.zeros(support.shape[1]))

    mapped, masks = map_model(means_of, model), jnp.asarray(support, jnp.float32)

    @jax.jit
    def disagreement(batch: jax.Array) -> jax.Array:
        even = jnp.full((len(batch), len(support)), 1.0 / len(support))
        means = mapped(variables, batch)
        return mask_disagreement(means, even, masks, dependence=dependence, spread=spread)

    return in_batches(disagreement, x, size=TOGETHER)
