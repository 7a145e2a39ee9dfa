"""Functions of all the rows of a batch, of which ``vmap`` traces nothing.

Under ``vmap`` JAX traces every operation once more. Of a function that treats rows alike, or
sums over all of them, a mapped axis whose instances share one result is only more rows: the
function is a primitive here, which takes such an axis in, and is written out when the program
is lowered, once for its shapes. To trace a batch normalisation takes half of the time so.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

Kind = Literal["rows", "own", "sum", "mean"]
"""Of a result: one for each row, like the first operand; a vector of each instance of the
mapped axes; a vector that all of them share, to which a further instance of the same rows adds
(a sum) or not (a mean)."""
_SHARED = ("sum", "mean")


@dataclasses.dataclass(frozen=True)
class RowFunction:
    """``function(shared, rows, vectors) -> results``, mapped axes taken in as rows.

    It has no derivative of its own. Called as ``of(axes, rows, vectors)``.
    """

    name: str
    function: Callable[..., Sequence[Array]]
    """Pure: ``shared`` counts the leading axes of the rows that are mapped axes; ``rows`` are
    arrays [*shared, ..., F], or None; ``vectors`` are [F]."""
    results: tuple[Kind, ...]

    def __call__(
        self, axes: tuple[str, ...], rows: Sequence[Array | None], vectors: Sequence[Array] = ()
    ) -> tuple[Array, ...]:
        """The results for rows [..., F] and vectors [F].

        Args:
          axes: names of the mapped axes around the call whose rows are taken together.
          rows: the first may not be None.
          vectors: the same for all instances of the axes, where a result is.

        Returns:
          [..., F] as the first of the rows, or [F].

        Raises:
          ValueError: a vector is mapped along one of the axes, and a result is shared.
        """
        operands = [array for array in rows if array is not None]
        given = tuple(array is not None for array in rows)
        operands += vectors
        return tuple(self._primitive.bind(*operands, given=given, axes=axes, shared=0, apart=0))

    @functools.cached_property
    def _primitive(self) -> Primitive:
        primitive = Primitive(self.name)
        primitive.multiple_results = True
        primitive.def_impl(jax.jit(self._plain, static_argnames=_STATIC))
        primitive.def_abstract_eval(self._shapes)
        batching.fancy_primitive_batchers[primitive] = self._batch
        mlir.register_lowering(primitive, mlir.lower_fun(self._plain, multiple_results=True))
        return primitive

    def _plain(
        self,
        *operands: Array,
        given: tuple[bool, ...],
        axes: tuple[str, ...],
        shared: int,
        apart: int,
    ) -> Sequence[Array]:
        """``apart`` counts the axes before all others that are mapped and not taken in."""
        del axes

        def function(*operands: Array) -> Sequence[Array]:
            rest = iter(operands)
            rows = [next(rest) if here else None for here in given]
            return self.function(shared, rows, list(rest))

        for _ in range(apart):
            function = jax.vmap(function)
        return function(*operands)

    def _shapes(
        self,
        first: Any,
        *_: Any,
        given: tuple[bool, ...],
        axes: tuple[str, ...],
        shared: int,
        apart: int,
    ) -> list[Any]:
        del given, axes
        shape, kept = first.shape, {"sum": apart, "mean": apart, "own": apart + shared}
        return [
            jax.core.ShapedArray(
                shape if kind == "rows" else (*shape[: kept[kind]], shape[-1]), first.dtype
            )
            for kind in self.results
        ]

    def _batch(
        self,
        axis: Any,
        operands: Sequence[Array],
        dims: Sequence[int | None],
        *,
        given: tuple[bool, ...],
        axes: tuple[str, ...],
        shared: int,
        apart: int,
    ) -> tuple[Sequence[Array], list[int | None]]:
        bind = functools.partial(self._primitive.bind, given=given, axes=axes)
        taken = axis.name in axes
        if all(dim is None for dim in dims):  # as in an encoder, under the axis of samples
            results = bind(*operands, shared=shared, apart=apart)
            counted = [
                result * axis.size if taken and kind == "sum" else result
                for result, kind in zip(results, self.results, strict=True)
            ]
            return counted, [None] * len(results)
        rows = sum(given)
        own_vectors = any(dim is not None for dim in dims[rows:])
        if not taken or (own_vectors and not set(_SHARED) & set(self.results)):
            mapped = _along(operands, dims, axis.size, 0)
            return bind(*mapped, shared=shared, apart=apart + 1), [0] * len(self.results)
        if own_vectors:
            raise ValueError(f"{self.name}: a vector differs along {axis.name!r}, which is summed")
        taken_in = _along(operands[:rows], dims[:rows], axis.size, apart)
        results = bind(*taken_in, *operands[rows:], shared=shared + 1, apart=apart)
        return results, [None if kind in _SHARED else apart for kind in self.results]


def _along(
    arrays: Sequence[Array], dims: Sequence[int | None], size: int, at: int
) -> Sequence[Array]:
    """Arrays with their mapped axis at a place; those without one get it."""
    front = map(batching.bdim_at_front, arrays, dims, (size,) * len(arrays))
    return [jnp.moveaxis(array, 0, at) if at else array for array in front]


_STATIC = ("given", "axes", "shared", "apart")
