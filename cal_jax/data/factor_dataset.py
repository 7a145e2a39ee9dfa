"""Items and the table of their factors, from which context sets are drawn.

Shape letters: I items, *X the shape of an item as it is stored, F factors, F_r of them
rendered, K contexts, V values of a factor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.factor_splits import split_by_combination
from cal_jax.data.factor_table import (
    checked_column,
    checked_combinations,
    checked_items,
    checked_names,
    encoded,
    joint_codes,
    listed,
)
from cal_jax.errors import InputError

Render = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
"""(items [..., *X], values of the rendered factors int32 [..., F_r], key) -> x; pure."""


@dataclass(frozen=True, eq=False)
class FactorDataset:
    """Items and a table of their factors; combinations of values may be missing.

    Arrays need only ``FactorDataset(x, {"speaker": speaker, "vowel": vowel})``. A
    factor may also be *rendered*: instead of a column, a value that ``render`` applies to an
    item on the device, such as a rotation.

    Raises:
        InputError: items or a column that cannot be used (see ``factor_table``), one name
            twice, a render that does not return one array an item. It names column and row.
    """

    items: np.ndarray
    """uint8 or float32 [I, *X]; other floats are converted to float32."""
    factors: Mapping[str, Any]
    """Name -> [I] values: strings, integers or finite numbers."""
    value_names: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Name -> names of a factor's values, in order. Only for a column whose order is not
    that of its sorted values, or which lacks some of them; complete afterwards."""
    rendered: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Name -> value names of the factors that ``render`` applies to any item."""
    render: Render | None = None
    """The rendered item, given the values of rendered factors in their order; pure. None:
    the item itself."""
    shown: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    """Factors -> bool [V_1, V_2, ...]: combinations with rendered values that may occur."""
    look_alikes: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    """Factors -> int [V_1, V_2, ...]: indistinguishable combinations share a number."""
    names: tuple[str, ...] = field(init=False)
    """Of all factors: the table's columns, then the rendered ones."""
    table: np.ndarray = field(init=False, repr=False)
    """int32 [I, F - F_r]: codes of the columns, indices into ``value_names``."""
    event_shape: tuple[int, ...] = field(init=False)
    """Shape of a rendered item."""

    def __post_init__(self) -> None:
        items = checked_items(self.items)
        if not self.factors and not self.rendered:
            raise InputError("factors: none; accepted: 1 or more, name -> one value an item")
        names = (*self.factors, *self.rendered)
        for name in names:
            if not isinstance(name, str) or not name or names.count(name) > 1:
                raise InputError(f"factor {name!r}; accepted: names that are not empty, each once")
        if not set(self.value_names) <= set(names):
            raise InputError(
                f"value_names of {listed(sorted(set(self.value_names) - set(names)))}; "
                f"accepted: {listed(names)}"
            )
        columns, codes, value_names = {}, [], {}
        for name, values in self.factors.items():
            given = self.value_names.get(name)
            columns[name] = checked_column(name, values, len(items))
            given = None if given is None else checked_names(name, given)
            code, value_names[name] = encoded(name, columns[name], given)
            codes.append(code)
        for name, values in self.rendered.items():
            value_names[name] = checked_names(name, values)
        table = np.stack(codes, axis=1) if codes else np.zeros((len(items), 0), np.int32)
        sizes = {name: len(values) for name, values in value_names.items()}
        self._set(
            items=items,
            factors=columns,
            value_names=value_names,
            rendered={name: value_names[name] for name in self.rendered},
            shown=checked_combinations("shown", self.shown, sizes, "b"),
            look_alikes=checked_combinations("look_alikes", self.look_alikes, sizes, "iu"),
            names=names,
            table=table,
        )
        self._set(event_shape=self._event_shape())

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _event_shape(self) -> tuple[int, ...]:
        if self.render is None:
            if self.rendered:
                raise InputError(
                    f"rendered factors {listed(tuple(self.rendered))} without a render; "
                    "accepted: a function of items, their values and a key"
                )
            return self.items.shape[1:]
        made = jax.eval_shape(
            self.render,
            jax.ShapeDtypeStruct((3, *self.items.shape[1:]), self.items.dtype),
            jax.ShapeDtypeStruct((3, len(self.rendered)), jnp.int32),
            jax.eval_shape(lambda: jax.random.key(0)),
        )
        if made.shape[:1] != (3,) or made.ndim < 2 or made.dtype not in (jnp.uint8, jnp.float32):
            raise InputError(
                f"render: 3 items of {self.items.shape[1:]} give {made.dtype} {made.shape}; "
                "accepted: uint8 or float32 [3, ...], one array an item"
            )
        return tuple(made.shape[1:])

    @property
    def num_items(self) -> int:
        """I."""
        return len(self.items)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of values of each factor, by name; some may not occur."""
        return {name: len(values) for name, values in self.value_names.items()}

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """Codes int32 [I, len(names)] of some of the table's columns."""
        place = {name: index for index, name in enumerate(self.factors)}
        return self.table[:, [place[name] for name in names]]

    def code(self, name: str, value: Any) -> int:
        """The index of a value in a factor's ``value_names``.

        Raises:
            InputError: no such factor or value.
        """
        self.require(name)
        if str(value) not in self.value_names[name]:
            raise InputError(
                f"factor {name!r}: value {str(value)!r}; "
                f"accepted: {listed(tuple(self.value_names[name]))}"
            )
        return tuple(self.value_names[name]).index(str(value))

    def require(self, *names: str) -> None:
        """Refuse names other than this data set's factors.

        Raises:
            InputError: for the first one.
        """
        for name in names:
            if name not in self.names:
                raise InputError(f"factor {name!r}; accepted: {listed(self.names)}")

    def show(self, contexts: Sequence[str]) -> Render:
        """Render items, given the values of ``contexts`` [..., K] in their order; pure.

        Raises:
            InputError: a rendered factor is not among the contexts.
        """
        missing = [name for name in self.rendered if name not in contexts]
        if missing:
            raise InputError(
                f"contexts {listed(tuple(contexts))}: without {listed(missing)}, which are "
                "rendered; accepted: contexts with every rendered factor"
            )
        if self.render is None:
            return lambda items, values, key: items
        render, places = self.render, [list(contexts).index(name) for name in self.rendered]
        return lambda items, values, key: render(items, values[..., jnp.asarray(places, int)], key)

    def take(self, rows: np.ndarray) -> FactorDataset:
        """The items of some rows (an index or bool array); factors keep all of their values."""
        factors = {name: np.asarray(column)[rows] for name, column in self.factors.items()}
        return dataclasses.replace(self, items=self.items[rows], factors=factors)

    def grouped(self, name: str, columns: Sequence[str]) -> FactorDataset:
        """Add a factor that combines several columns.

        Its values are the combinations that occur, such as "serif / bold" of family and weight;
        the columns remain.

        Raises:
            InputError: fewer than two columns, a rendered or unknown factor, a name
                that is taken.
        """
        self.require(*columns)
        if name in self.names:
            raise InputError(f"factor {name!r}; accepted: a name beside {listed(self.names)}")
        rendered = [column for column in columns if column in self.rendered]
        if rendered or len(set(columns)) < 2 or len(set(columns)) < len(columns):
            raise InputError(
                f"factor {name!r} of {listed(tuple(columns))}; "
                f"accepted: two or more of the columns {listed(tuple(self.factors))}"
            )
        codes = self.columns(columns)
        joint = joint_codes(codes, [self.sizes[column] for column in columns])
        _, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
        labels = [
            " / ".join(
                str(self.value_names[column][code])
                for column, code in zip(columns, codes[row], strict=True)
            )
            for row in first
        ]
        return dataclasses.replace(
            self,
            factors={**self.factors, name: np.asarray(labels)[inverse]},
            value_names={**self.value_names, name: labels},
        )

    def split_by_item(self, fraction: float, seed: int = 0) -> tuple[FactorDataset, FactorDataset]:
        """(train, test): a share of the items, drawn uniformly, is held out.

        Raises:
            InputError: a fraction that leaves one split without items.
        """
        count = round(fraction * self.num_items)
        if not 1 <= count < self.num_items:
            raise InputError(
                f"fraction {fraction} of {self.num_items} items; "
                "accepted: one that leaves items on both sides"
            )
        held = np.zeros(self.num_items, bool)
        held[np.random.default_rng(seed).choice(self.num_items, count, replace=False)] = True
        return self.take(~held), self.take(held)

    def split_by_value(
        self, factor: str, held_out: Iterable[Any] | float, seed: int = 0
    ) -> tuple[FactorDataset, FactorDataset]:
        """(train, test) by values of one factor, such as writers unseen in training.

        Args:
            factor: whose values.
            held_out: the values of test, or a share of those that occur, drawn by ``seed``.
            seed: of that draw.

        Raises:
            InputError: see ``split_by_combination``.
        """
        if not isinstance(held_out, float):
            held_out = [(value,) for value in held_out]
        return self.split_by_combination((factor,), held_out, seed)

    def split_by_combination(
        self, names: Sequence[str], held_out: Any, seed: int = 0
    ) -> tuple[FactorDataset, FactorDataset]:
        """(train, test) by combinations of values, each value also occurring in training.

        If all factors are columns, the items are divided. If one is rendered, both splits
        have all items, and ``shown`` divides the combinations: apply ``split_by_item``
        first for unseen test items.

        Args:
            names: of one factor or more.
            held_out: combinations of test: tuples of values, or bool [V_1, V_2, ...], or a
                share of those that occur, drawn by ``seed`` so that every value (of several
                factors) remains in training.
            seed: of that draw.

        Raises:
            InputError: an unknown factor or value, an empty split, a class of
                ``look_alikes`` in both splits.
        """
        return split_by_combination(self, tuple(names), held_out, seed)
