"""Generation of data sets, as numpy arrays, from a trained context-aware learner."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sample import (
    GeneratedSet,
    check_sources,
    combine_constants,
    decode_contexts,
    generate_set,
    infer_constants,
)

BATCH = 100
"""Data sets in one compiled call."""


class Sampler:
    """Generates data sets from a model, in batches of one compiled shape.

    Args:
      model: a module whose ``generative()`` and ``inference()`` meet the protocols.
      variables: its trained variables.
      num_items: N, items in each generated set.
      order: [K], which of the model's contexts each entry of a mask is; None: the same.
    """

    def __init__(
        self,
        model: nn.Module,
        variables: Variables,
        num_items: int = 10,
        order: tuple[int, ...] | None = None,
    ) -> None:
        self._variables = variables
        self._order = order
        self._programs = _compiled(model, num_items)

    def unconditional(self, key: Array, a: np.ndarray, num_sets: int) -> GeneratedSet:
        """``num_sets`` sets with mask a [K], contexts from the priors (figures 6.3, 6.6).

        Returns:
          GeneratedSet of numpy arrays [num_sets, N, *X].
        """
        return self._batched(self._programs.unconditional, key, _repeated(self._own(a), num_sets))

    def from_constants(self, key: Array, constants: np.ndarray, a: np.ndarray) -> GeneratedSet:
        """One set with given constant contexts [K, C], where the mask a [K] is 1.

        Returns:
          GeneratedSet of numpy arrays [N, *X].
        """
        made = self._programs.from_constants(self._variables, key[None], constants[None], a[None])
        return GeneratedSet(*(np.asarray(array)[0] for array in made))

    def conditional(self, key: Array, x: np.ndarray, a: np.ndarray) -> GeneratedSet:
        """One set for each of x [M, N, *X], sharing its constant contexts' means (figure 6.4).

        Args:
          key: a PRNG key.
          x: the sets to condition on.
          a: [K], the mask of all of them.
        """
        return self.synthesise(key, x[:, None], np.asarray(a)[None])

    def synthesise(self, key: Array, x: np.ndarray, constant_masks: np.ndarray) -> GeneratedSet:
        """One set for each group of R sources, with the constant contexts of all (figure 6.7).

        Args:
          key: a PRNG key.
          x: [M, R, N, *X], R source sets for each synthesised one.
          constant_masks: [R, K], the sources' masks; no two give the same context.

        Raises:
          InputError: two sources for one context, or another number of masks than sources.
        """
        check_sources(constant_masks)
        count = len(constant_masks)
        if np.ndim(x) < 2 or x.shape[1] != count:
            raise InputError(
                f"x: shape {np.shape(x)}; accepted: [M, {count}, N, *X], as constant_masks"
            )
        return self._batched(
            self._programs.synthesise, key, x, _repeated(self._own(constant_masks), len(x))
        )

    def _own(self, masks: np.ndarray) -> np.ndarray:
        """Constant masks [..., K] in the order of the model's contexts."""
        masks = np.asarray(masks)
        return masks if self._order is None else masks[..., np.argsort(self._order)]

    def _batched(
        self, function: Callable[..., GeneratedSet], key: Array, *arrays: np.ndarray
    ) -> GeneratedSet:
        keys = jax.random.split(key, len(arrays[0]))
        return in_batches(lambda *batch: function(self._variables, *batch), keys, *arrays)


def decoded_means(model: nn.Module, variables: Variables, contexts: np.ndarray) -> np.ndarray:
    """``sample.decode_contexts`` of contexts [M, K, C] with running averages, in batches.

    Returns:
      [M, *X].
    """
    program = _decoding(model)
    rows = in_batches(lambda batch: program(variables, batch), contexts[:, None])
    return rows[:, 0]


@functools.lru_cache(maxsize=8)
def _decoding(model: nn.Module) -> Callable[..., Array]:
    """The same program for every model of the same architecture."""

    def decode(generative: Any, _: Any, contexts: Array) -> Array:
        return decode_contexts(generative, contexts)

    return jax.jit(map_model(decode, model))


class _Programs(NamedTuple):
    """Compiled functions of (variables, keys [M], ...), which give sets [M, N, *X]."""

    unconditional: Callable[..., GeneratedSet]
    from_constants: Callable[..., GeneratedSet]
    synthesise: Callable[..., GeneratedSet]


@functools.lru_cache(maxsize=8)
def _compiled(model: nn.Module, num_items: int) -> _Programs:
    """The same programs for every model of the same architecture."""

    def unconditional(generative: Any, _: Any, key: Array, a: Array) -> GeneratedSet:
        return generate_set(key, generative, a, num_items)

    def from_constants(
        generative: Any, _: Any, key: Array, constants: Array, a: Array
    ) -> GeneratedSet:
        return generate_set(key, generative, a, num_items, constants=constants)

    def synthesise(
        generative: Any, inference: Any, key: Array, x: Array, masks: Array
    ) -> GeneratedSet:
        sources = jnp.stack(
            [infer_constants(inference, x[index], masks[index]) for index in range(x.shape[0])]
        )
        constants, a = combine_constants(sources, masks)
        return generate_set(key, generative, a, num_items, constants=constants)

    functions = (unconditional, from_constants, synthesise)
    return _Programs(*(jax.jit(map_model(function, model)) for function in functions))


def in_batches(function: Callable[..., Any], *arrays: Any, size: int = BATCH) -> Any:
    """Map ``function`` over the leading axis in batches of one shape; numpy leaves [M, ...].

    The last batch is padded with copies of its first rows.
    """
    total = len(arrays[0])
    parts = []
    for start in range(0, total, size):
        rows = np.arange(start, start + size)
        rows = np.where(rows < total, rows, start)
        part = function(*(array[rows] for array in arrays))
        kept = min(size, total - start)
        parts.append(jax.tree.map(lambda leaf, kept=kept: np.asarray(leaf)[:kept], part))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _repeated(array: np.ndarray, count: int) -> np.ndarray:
    array = np.asarray(array, np.float32)
    return np.broadcast_to(array, (count, *array.shape))
