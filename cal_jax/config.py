"""Fields of frozen dataclass configs: their annotations, their checks, and the flat form.

A field may hold a component: another frozen dataclass, one of several that its annotation
lists (``Statistic | Attention``, ``LabelNetwork | None``), or a tuple of them. Where there
is a choice, a dictionary names the component's class under ``kind``.
"""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, NamedTuple

from cal_jax.errors import InputError

KIND = "kind"
"""Key of a component's class name."""

_QUIET = "omit_default"


class Entry(NamedTuple):
    """A field of a config, or an entry of a tuple of components."""

    name: str
    """``depth``, or ``contexts.0`` of a tuple."""
    value: Any
    annotation: Any
    """Of the value."""
    omitted: bool
    """Whether it is an ``omit_default`` field at its default."""

    @property
    def kinds(self) -> dict[str, type]:
        """The classes of components that its annotation lists, by name."""
        return kinds_of(self.annotation)

    @property
    def has_choice(self) -> bool:
        """Whether the annotation lists several components, or one and None."""
        return bool(self.kinds) and len(options_of(self.annotation)) > 1


def omit_default(default: Any) -> Any:
    """A field that is left out of the flat config while it has its default.

    For an option that changes nothing there: it adds nothing to what identifies
    a run, so runs with and without the field are of one config.
    """
    return dataclasses.field(default=default, metadata={_QUIET: True})


def require_at_least(config: object, **least: int) -> None:
    """Refuse a field below its smallest value.

    Raises:
      InputError: then.
    """
    for name, smallest in least.items():
        if getattr(config, name) < smallest:
            raise InputError(f"{name} must be at least {smallest}: got {getattr(config, name)}")


def require_one_of(config: object, **kinds: Any) -> None:
    """Refuse a field that is none of a ``Literal``'s names.

    Raises:
      InputError: then.
    """
    for name, kind in kinds.items():
        names, value = typing.get_args(kind), getattr(config, name)
        if value not in names:
            raise InputError(f"{name} must be one of {', '.join(names)}: got {value!r}")


def entries(config: Any) -> list[Entry]:
    """Fields in their order; a tuple of components counts as one entry for each."""
    annotations = typing.get_type_hints(type(config))
    found = []
    for field in dataclasses.fields(config):
        value, annotation = getattr(config, field.name), annotations[field.name]
        element = element_of(annotation)
        if kinds_of(element) and value:
            found += [Entry(f"{field.name}.{i}", v, element, False) for i, v in enumerate(value)]
        else:
            omitted = _QUIET in field.metadata and value == field.default
            found.append(Entry(field.name, value, annotation, omitted))
    return found


def kinds_of(annotation: Any) -> dict[str, type]:
    """The dataclasses that an annotation lists, by name."""
    listed = (kind for kind in options_of(annotation) if isinstance(kind, type))
    return {kind.__name__: kind for kind in listed if dataclasses.is_dataclass(kind)}


def options_of(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation: those of a union, else the annotation alone."""
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def element_of(annotation: Any) -> Any:
    """X of tuple[X, ...]; None of any other annotation."""
    arguments = typing.get_args(annotation)
    is_list = typing.get_origin(annotation) is tuple and arguments[1:] == (Ellipsis,)
    return arguments[0] if is_list else None


def kind_name(value: Any) -> str:
    """The name of a component's class; None is its own."""
    return "None" if value is None else type(value).__name__


def flatten(config: Any) -> dict[str, Any]:
    """Every field by its dotted name; tuples as lists, so that JSON gives the same back.

    An ``omit_default`` field at its default is left out.
    """
    return dict(_flat(config, ""))


def unflatten(flat: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The nested dictionary of a flat one's fields under a prefix, as ``model.``.

    Raises:
      InputError: a name is both a value and the beginning of others.
    """
    plain: dict[str, Any] = {}
    for name, value in flat.items():
        if not name.startswith(prefix):
            continue
        *path, last = name.removeprefix(prefix).split(".")
        inner = plain
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise InputError(f"{name}: {part} has a value and fields; accepted: one of the two")
        inner[last] = value
    return plain


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each field that differs between two flat configs."""
    missing = "(absent)"
    return [
        f"{name} was {old.get(name, missing)!r}, is {new.get(name, missing)!r}"
        for name in sorted({*old, *new})
        if old.get(name, missing) != new.get(name, missing)
    ]


def _flat(config: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in entries(config):
        name = f"{prefix}{entry.name}"
        if dataclasses.is_dataclass(entry.value):
            if entry.has_choice:
                yield f"{name}.{KIND}", kind_name(entry.value)
            yield from _flat(entry.value, f"{name}.")
        elif not entry.omitted:
            yield name, _listed(entry.value)


def _listed(value: Any) -> Any:
    return [_listed(entry) for entry in value] if isinstance(value, tuple) else value
