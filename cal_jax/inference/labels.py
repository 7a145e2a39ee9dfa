"""Posteriors q(a | D) over constant masks of a trained model, for numpy arrays of data sets."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches


def infer_labels(model: nn.Module, variables: Variables, x: np.ndarray) -> np.ndarray:
    """q(a | D) of each set, from the label network (thesis 6.4.3).

    Args:
      model: with a label network, as ``ContextAwareLearner`` with ``num_labels``.
      variables: its trained variables.
      x: [M, N, *X], the sets.

    Returns:
      float32 [M, A]: the probability of each mask of the training support. The
      assignment of the model's contexts to factors is not identified.

    Raises:
      InputError: a model without a label network.
    """

    def probabilities(_: Any, inference: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(inference.labels(inference.encode(x), None))

    mapped = jax.jit(map_model(probabilities, model))
    return in_batches(lambda batch: mapped(variables, batch), x)
