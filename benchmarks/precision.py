"""A bound computed in another dtype than its parameters have."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from cal_jax.inference.mapping import Variables


def compute_in(dtype: Any, objective: Callable[..., Any]) -> Callable[..., Any]:
    """The objective with every input of the model's callables in ``dtype``.

    The data that the likelihood scores stay as they are, so that the sum over pixels
    is of their dtype.

    Args:
        dtype: as bfloat16.
        objective: ``(key, generative, inference, *data, **options) -> terms``.
    """

    def cast_objective(
        key: jax.Array, generative: Any, inference: Any, *data: jax.Array, **options: Any
    ) -> Any:
        return objective(
            key, _casting(dtype, generative), _casting(dtype, inference), *data, **options
        )

    return cast_objective


def cast_parameters(dtype: Any, mapped: Callable[..., Any]) -> Callable[..., Any]:
    """A mapped objective that reads its parameters in ``dtype`` and returns float32 terms.

    Gradients are those of the parameters as they are given, in float32; running
    averages stay float32.
    """

    def cast_mapped(variables: Variables, *args: Any, **options: Any) -> Any:
        params = cast(dtype, variables["params"])
        terms, batch_stats = mapped({**variables, "params": params}, *args, **options)
        return cast(jnp.float32, terms), cast(jnp.float32, batch_stats)

    return cast_mapped


def cast(dtype: Any, tree: Any) -> Any:
    """Every floating array of a tree in ``dtype``; other leaves as they are."""

    def one(leaf: Any) -> Any:
        is_float = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if is_float else leaf

    return jax.tree.map(one, tree)


def _casting(dtype: Any, callables: Any) -> Any:
    """A NamedTuple of callables, the arguments of each cast."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: function(*cast(dtype, args))

    return type(callables)(*map(wrap, callables))
