"""Context means of data sets under a trained model with one context (thesis 5.3.1)."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from cal_jax.data.sets import validate_sets
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.models.group_vae import GroupVAE
from cal_jax.models.statistician import NeuralStatistician


class ContextEncoder:
    """Maps data sets to the means of q(c | D), the locations of figures 5.3 and 5.4.

    Sets of any size go through one compiled program, padded to one length.

    Args:
      model: a neural statistician or a group VAE.
      variables: its trained variables.
    """

    def __init__(self, model: NeuralStatistician | GroupVAE, variables: Variables) -> None:
        def mean_of(_: Any, inference: Any, x: jax.Array, mask: jax.Array) -> jax.Array:
            return inference.context(inference.encode(x), mask).mean()

        self._model, self._variables = model, variables
        self._means = jax.jit(map_model(mean_of, model))

    def means(
        self, sets: np.ndarray | Sequence[np.ndarray], *, padded_to: int | None = None
    ) -> np.ndarray:
        """The context means of sets [M, N, *X], or of M arrays [N_i, *X].

        Args:
          sets: the data sets.
          padded_to: items in the compiled program's sets, at least the largest
            set's; None: as many as the largest set has.

        Returns:
          [M, C].

        Raises:
          InputError: items of different shapes or of another than the model's, an empty
            set, values that are not finite or outside the likelihood's support,
            ``padded_to`` too small.
        """
        x, mask = validate_sets(sets, "data sets")
        event_shape = self._model.event_shape
        if x.shape[2:] != event_shape:
            raise InputError(
                f"data sets: items of shape {list(x.shape[2:])}; accepted: {list(event_shape)}"
            )
        self._model.config.likelihood.check(x[mask > 0], "data sets")
        padding = (padded_to or x.shape[1]) - x.shape[1]
        if padding < 0:
            raise InputError(f"padded_to must be at least {x.shape[1]}: got {padded_to}")
        x = np.pad(x, ((0, 0), (0, padding), *((0, 0) for _ in event_shape)))
        mask = np.pad(mask, ((0, 0), (0, padding)))
        return in_batches(lambda *batch: self._means(self._variables, *batch), x, mask)
