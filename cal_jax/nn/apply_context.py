"""Arguments of a forward pass besides the inputs: item mask and batch-statistics axes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class ApplyContext(NamedTuple):
    """One application of a model to one data set."""

    mask: Array | None = None
    """[N], 1 for items that count and 0 for padding; None when all count."""
    axes: tuple[str, ...] | None = None
    """The mapped axes over which batch statistics are taken in training; None
    in evaluation, where running averages are used."""

    @property
    def training(self) -> bool:
        """Whether batch statistics are computed and updated."""
        return self.axes is not None

    def of_the_set(self) -> "ApplyContext":
        """The same pass for set-level rows: one row, masked out if the set is empty."""
        if self.mask is None:
            return self
        return self._replace(mask=jnp.any(self.mask > 0))


EVALUATION = ApplyContext()
