"""A ``FactorDataset`` as a source of training sets, for the contexts of a model."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.context_sets import SetSize, draw_context_sets, one_constant_mix
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import Mix, checked_mix
from cal_jax.data.set_cells import cells_of, groups_of
from cal_jax.data.set_samplers import SetSampler, device_sampler, stored_sampler
from cal_jax.data.sets import DataSet
from cal_jax.errors import InputError
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.source import SetSource, set_source

SET_SIZES = (10, 8, 6, 5, 4, 3, 2)
"""Default numbers of items in a set: the first of these that the items allow."""


class FactorSets(NamedTuple):
    """Configuration of the sets drawn from the items of a data set."""

    dataset: FactorDataset
    set_size: SetSize | None = None
    """N, or (smallest, largest); None: 10, or the most that every mask can have."""
    mix: Mix | None = None
    """Constant masks and their weights; None: each with exactly one constant context."""
    num_sets: int | None = None
    """Sets drawn in advance; None: anew at every step, on the device."""
    seed: int = 0
    """Of sets drawn in advance."""
    known: int = 0
    """Where a model infers the masks: the first so many of ``num_sets`` whose mask training
    may use."""

    def source(self, model: ContextAwareLearner) -> SetSource:
        """A source of sets for a model's contexts, the factors of the same names.

        Raises:
          InputError: items of another shape or outside the likelihood's support; no
            factor of a context's name; a mask that no combination of items can satisfy.
        """
        self._require_items(model)
        contexts, infers = model.config.names, model.config.labels is not None
        drawn = self._sampler(contexts)
        known = self.known

        def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
            (x, a), mask = drawn.draw(key, data, row)
            of_one: tuple[jax.Array, ...] = (x.astype(jnp.float32), a)
            if infers:
                of_one = (*of_one, (row < known).astype(jnp.float32))
            return DataSet(of_one, mask)

        return SetSampler(drawn.data, draw, drawn.num_sets)

    def largest(self, contexts: tuple[str, ...]) -> int:
        """N of the largest set."""
        size = self._size(contexts)
        return size if isinstance(size, int) else size[1]

    def _sampler(self, contexts: tuple[str, ...]) -> SetSampler:
        size = self._size(contexts)
        if self.num_sets is None:
            if self.known:
                raise InputError(f"known {self.known}: accepted with num_sets, sets in advance")
            return device_sampler(self.dataset, contexts, set_size=size, mix=self.mix)
        if not 0 <= self.known <= self.num_sets:
            raise InputError(f"known {self.known}; accepted: 0 to num_sets, {self.num_sets}")
        rng = np.random.default_rng(self.seed)
        sets = draw_context_sets(
            rng, self.dataset, contexts, num_sets=self.num_sets, set_size=size, mix=self.mix
        )
        return stored_sampler(self.dataset, contexts, sets)

    def _size(self, contexts: tuple[str, ...]) -> SetSize:
        if self.set_size is not None:
            return self.set_size
        cells = cells_of(self.dataset, contexts)
        mix = one_constant_mix(len(contexts)) if self.mix is None else self.mix
        masks = [
            mask for mask, weight in zip(*checked_mix(mix, len(contexts)), strict=True) if weight
        ]
        of_masks = [groups_of(cells, mask, contexts, SET_SIZES[-1]) for mask in masks]
        most = min(int(groups.capacity.max()) for groups in of_masks)
        return next(size for size in SET_SIZES if size <= most)

    def _require_items(self, model: ContextAwareLearner) -> None:
        if self.dataset.event_shape != model.event_shape:
            raise InputError(
                f"items of shape {self.dataset.event_shape}; accepted: {model.event_shape}, as the "
                "model has items"
            )
        self.dataset.require(*model.config.names)
        if self.dataset.render is None:
            model.config.likelihood.check(self.dataset.items, "items")


@set_source.register(FactorSets)
def _of_factor_sets(data: FactorSets, model: Any) -> SetSource:
    if not isinstance(model, ContextAwareLearner):
        raise InputError(
            f"model {type(model).__name__}; accepted with a FactorDataset: ContextAwareLearner "
            "(draw sets with draw_context_sets for others)"
        )
    return data.source(model)


@set_source.register(FactorDataset)
def _of_dataset(data: FactorDataset, model: Any) -> SetSource:
    return _of_factor_sets(FactorSets(data), model)
