"""A trained context-aware learner, with an interface by context names."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.data.mask_mix import one_constant
from cal_jax.errors import InputError
from cal_jax.inference.evidence import Inferred, infer
from cal_jax.inference.inputs import checked_sets
from cal_jax.inference.mapping import Variables, init_variables
from cal_jax.inference.posterior import contexts_of_sets
from cal_jax.inference.sample import GeneratedSet
from cal_jax.inference.sampler import Sampler, decoded_means
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo


class TrainedLearner(NamedTuple):
    """A model, its variables, and the sets that it was trained on.

    Every method checks its items against the model's event shape and likelihood, and raises
    ``InputError`` if they do not fit. ``seed`` determines all draws.
    """

    model: ContextAwareLearner
    variables: Variables
    """float32, numpy or jax."""
    set_size: int
    """N, items of the sets that it was trained with, and of those that it generates."""
    binarisation: str | None = None
    """Of grey images before training; None where items are taken as they are."""
    training: Any = None
    """``training.config.Trained``: steps, seconds and metrics, of a model that ``fit`` gave."""

    @property
    def config(self) -> ContextAwareConfig:
        """Of the model."""
        return self.model.config

    @property
    def names(self) -> tuple[str, ...]:
        """Of the contexts, in their order."""
        return self.model.config.names

    def synthesise(
        self, *, seed: int = 0, num_items: int | None = None, **sources: np.ndarray
    ) -> GeneratedSet:
        """One set whose constant contexts come from source sets (thesis 6.4.2, figure 6.7).

        Args:
          seed: of what is drawn.
          num_items: of the new set; None: ``set_size``.
          sources: by the name of a context, a set [N, *X] whose items share it. Contexts
            that are not named vary.

        Returns:
          GeneratedSet of numpy arrays [num_items, *X].

        Raises:
          InputError: no source, a name that is no context's, items that do not fit, fewer
            than 1 item to generate.
        """
        self._require_names(sources, "sources")
        if not sources:
            raise InputError(f"sources: none; accepted: sets by name, of {', '.join(self.names)}")
        constants = np.zeros((self.config.num_contexts, self.config.context_dim), np.float32)
        for name, x in sources.items():
            sets, _, one = checked_sets(self.model, x, name=name)
            if not one:
                own = ", ".join(map(str, self.model.event_shape))
                raise InputError(f"{name}: shape {np.shape(x)}; accepted: one set [N, {own}]")
            constants[self.names.index(name)] = self.contexts(sets[0], constant=(name,))[name]
        a = self._mask(sources)
        return self._sampler(num_items).from_constants(jax.random.key(seed), constants, a)

    def sample(
        self, constant: Iterable[str] = (), *, seed: int = 0, num_items: int | None = None
    ) -> GeneratedSet:
        """One set from the priors, whose items share the named contexts (figures 6.3, 6.6).

        Returns:
          GeneratedSet of numpy arrays [num_items, *X].

        Raises:
          InputError: a name that is no context's, fewer than 1 item to generate.
        """
        constant = self._constant(constant)
        key, a = jax.random.key(seed), self._mask(constant)
        sets = self._sampler(num_items).unconditional(key, a, 1)
        return GeneratedSet(*(array[0] for array in sets))

    def contexts(
        self, x: np.ndarray, constant: Iterable[str] = (), *, mask: np.ndarray | None = None
    ) -> Mapping[str, np.ndarray]:
        """Posterior means of the contexts of one set [N, *X], or of M sets [M, N, *X].

        Args:
          x: the sets.
          constant: the contexts that the items of each set share; the others vary.
          mask: [N] or [M, N], 1 for items that count; None when all count.

        Returns:
          By name: [C] of a constant context and [N, C] of a varying one; with M sets, [M, ...].

        Raises:
          InputError: a name that is no context's, items that do not fit.
        """
        constant = self._constant(constant)
        x, mask, one = checked_sets(self.model, x, mask)
        found = contexts_of_sets(
            self.model, self.variables, jax.random.key(0), x, self._mask(constant), mask
        )
        means = {
            name: found.constant_means[:, k] if name in constant else found.varying_means[:, :, k]
            for k, name in enumerate(self.names)
        }
        return {name: array[0] for name, array in means.items()} if one else means

    def decode(self, contexts: Mapping[str, np.ndarray]) -> np.ndarray:
        """The likelihood's mean at given contexts, with z at its prior's mean.

        Args:
          contexts: [M, C] of every context, by name, or [C] where all items share it.

        Returns:
          [M, *X]; M is 1 where all contexts are [C].

        Raises:
          InputError: other names than the contexts', or arrays of another shape.
        """
        dim = self.config.context_dim
        self._require_names(contexts, "contexts")
        missing = [name for name in self.names if name not in contexts]
        if missing:
            raise InputError(f"contexts: no {', '.join(missing)}; accepted: every one by name")
        arrays = {name: np.asarray(contexts[name], np.float32) for name in self.names}
        count = max(len(array) if array.ndim > 1 else 1 for array in arrays.values())
        for name, array in arrays.items():
            if array.shape not in ((dim,), (count, dim)):
                raise InputError(
                    f"{name}: shape {array.shape}; accepted: [{count}, {dim}], [{dim}]"
                )
        every = [np.broadcast_to(array, (count, dim)) for array in arrays.values()]
        return decoded_means(self.model, self.variables, np.stack(every, axis=1))

    def log_evidence(
        self,
        x: np.ndarray,
        support: np.ndarray | None = None,
        *,
        mask: np.ndarray | None = None,
        seed: int = 0,
    ) -> Inferred:
        """log p(D | a) and log p(a | D) of sets for each constant mask of a support, in nats.

        Args:
          x: [N, *X], or [M, N, *X].
          support: [A, K] in {0, 1}; None: the K masks with one constant context.
          mask: [N] or [M, N], 1 for items that count; None when all count.
          seed: of the importance samples.

        Returns:
          See ``inference.evidence.Inferred``.

        Raises:
          InputError: see ``inference.evidence.infer``.
        """
        if support is None:
            support = np.asarray(one_constant(self.config.num_contexts), np.float32)
        x, mask, one = checked_sets(self.model, x, mask)
        key = jax.random.key(seed)
        found = infer(self.model, self.variables, key, x, support, mask=mask)
        return Inferred(*(array[0] for array in found)) if one else found

    def save(self, path: Path | str, *, half: bool = False) -> Path:
        """Write the model to one safetensors file: see ``inference.weights.save``."""
        from cal_jax.inference import weights

        return weights.save(Path(path), self, half=half)

    def _sampler(self, num_items: int | None) -> Sampler:
        num_items = self.set_size if num_items is None else num_items
        if num_items < 1:
            raise InputError(f"num_items must be at least 1: got {num_items}")
        return Sampler(self.model, self.variables, num_items)

    def _mask(self, constant: Iterable[str]) -> np.ndarray:
        shared = set(constant)
        return np.asarray([name in shared for name in self.names], np.float32)

    def _constant(self, names: Iterable[str]) -> tuple[str, ...]:
        if isinstance(names, str):
            raise InputError(f"constant: {names!r} is one name; accepted: names, as ({names!r},)")
        names = tuple(names)
        self._require_names(names, "constant")
        return names

    def _require_names(self, given: Iterable[str], what: str) -> None:
        unknown = [name for name in given if name not in self.names]
        if unknown:
            raise InputError(
                f"{what}: no context {', '.join(unknown)}; accepted: {', '.join(self.names)}"
            )


def untrained(model: ContextAwareLearner) -> Variables:
    """Initial variables of a model, those of its label network included, for their names and
    sizes."""

    def bound(key: Array, generative: Any, inference: Any, x: Array, a: Array) -> Any:
        if model.config.labels is not None:
            inference.labels(inference.encode(x), None)
        return context_aware_elbo(key, generative, inference, x, a)

    blank = jnp.zeros((2, *model.event_shape))
    mask = jnp.zeros(model.config.num_contexts)
    return init_variables(bound, model, jax.random.key(0), blank, mask)
