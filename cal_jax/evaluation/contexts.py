"""Where data sets lie in the context space of a trained neural statistician (thesis 5.3.1)."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from cal_jax.data.sets import validate_sets
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.models.statistician import NeuralStatistician


class ContextEncoder:
    """Maps data sets to the means of q(c | D), the locations of figures 5.3 and 5.4.

    Sets of any size go through one compiled program, padded to one length.

    Args:
      model: a ``NeuralStatistician``.
      variables: its trained variables.
    """

    def __init__(self, model: NeuralStatistician, variables: Variables) -> None:
        def mean_of(_: Any, inference: Any, x: jax.Array, mask: jax.Array) -> jax.Array:
            return inference.context(inference.encode(x), mask).mean()

        self._variables, self._features = variables, model.config.item_dim
        self._means = jax.jit(map_model(mean_of, model))

    def means(
        self, sets: np.ndarray | Sequence[np.ndarray], *, padded_to: int | None = None
    ) -> np.ndarray:
        """The context means of sets [M, N, X], or of M arrays [N_i, X].

        Args:
          sets: the data sets.
          padded_to: items in the compiled program's sets, at least the largest
            set's; None: as many as the largest set has.

        Returns:
          [M, C].

        Raises:
          InputError: sets of different feature sizes or of another than the model's,
            an empty set, values that are not finite, ``padded_to`` too small.
        """
        x, mask = validate_sets(sets, "data sets")
        if x.shape[2] != self._features:
            raise InputError(f"items of {x.shape[2]} features; accepted: {self._features}")
        padding = (padded_to or x.shape[1]) - x.shape[1]
        if padding < 0:
            raise InputError(f"padded_to must be at least {x.shape[1]}: got {padded_to}")
        x = np.pad(x, ((0, 0), (0, padding), (0, 0)))
        mask = np.pad(mask, ((0, 0), (0, padding)))
        return in_batches(lambda *batch: self._means(self._variables, *batch), x, mask)
