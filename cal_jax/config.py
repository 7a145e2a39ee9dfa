"""Frozen dataclass configs as plain dictionaries: nested, flat, and checked when read back.

A field may hold a component: another frozen dataclass, one of several that its annotation
lists (``Statistic | Attention``, ``LabelNetwork | None``), or a tuple of them. Where there
is a choice, a dictionary names the component's class under ``kind``.
"""

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar

from cal_jax.errors import InputError

Config = TypeVar("Config")

KIND = "kind"
"""Key of a component's class name."""

_QUIET = "omit_default"
_LARGEST = 2**63 - 1


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
        return bool(self.kinds) and len(_options(self.annotation)) > 1


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
        element = _element(annotation)
        if kinds_of(element) and value:
            found += [Entry(f"{field.name}.{i}", v, element, False) for i, v in enumerate(value)]
        else:
            omitted = _QUIET in field.metadata and value == field.default
            found.append(Entry(field.name, value, annotation, omitted))
    return found


def kinds_of(annotation: Any) -> dict[str, type]:
    """The dataclasses that an annotation lists, by name."""
    listed = (kind for kind in _options(annotation) if isinstance(kind, type))
    return {kind.__name__: kind for kind in listed if dataclasses.is_dataclass(kind)}


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


def to_plain(config: Any) -> dict[str, Any]:
    """The config as nested dictionaries, lists, numbers, strings and None, for JSON."""
    annotations = typing.get_type_hints(type(config))
    return {
        field.name: _to_plain(getattr(config, field.name), annotations[field.name])
        for field in dataclasses.fields(config)
    }


def from_plain(cls: type[Config], plain: Any) -> Config:
    """The config of a dictionary as ``to_plain`` or ``unflatten`` give it, everything checked.

    A class is found by its name among those that the annotations list: nothing is imported.
    A field that is not there has its default.

    Raises:
      InputError: an unknown field or kind, a missing one, a value of another type, a number
        that is not finite or beyond 64 bits, or what the class itself refuses.
    """
    return _component(cls, plain, "")


def described(annotation: Any) -> str:
    """What an annotation accepts, for a message."""
    kinds = [_described_option(option) for option in _options(annotation)]
    return " or ".join(kinds)


def _options(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _element(annotation: Any) -> Any:
    """X of tuple[X, ...]; None of any other annotation."""
    arguments = typing.get_args(annotation)
    is_list = typing.get_origin(annotation) is tuple and arguments[1:] == (Ellipsis,)
    return arguments[0] if is_list else None


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


def _to_plain(value: Any, annotation: Any) -> Any:
    if isinstance(value, tuple):
        element = _element(annotation)
        return [_to_plain(entry, element) for entry in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    named = {KIND: kind_name(value)} if len(_options(annotation)) > 1 else {}
    return named | to_plain(value)


def _component(cls: type[Config], plain: Any, path: str) -> Config:
    where = path or cls.__name__
    if not isinstance(plain, Mapping):
        raise InputError(f"{where}: {_shown(plain)}; accepted: the fields of {cls.__name__}")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    unknown = sorted(map(str, plain.keys() - fields.keys()))
    if unknown:
        raise InputError(
            f"{where}: unknown field {', '.join(unknown)}; accepted: {', '.join(fields)}"
        )
    annotations = typing.get_type_hints(cls)
    values = {}
    for name, field in fields.items():
        inner = f"{path}.{name}" if path else name
        if name in plain:
            values[name] = _value(annotations[name], plain[name], inner)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"{inner}: missing; accepted: {described(annotations[name])}")
    return cls(**values)


def _value(annotation: Any, plain: Any, path: str) -> Any:
    options, kinds = _options(annotation), kinds_of(annotation)
    if kinds and not (plain is None and NoneType in options):
        return _chosen(kinds, plain, path, named=len(options) > 1)
    element = _element(annotation)
    if kinds_of(element):
        return tuple(_value(element, entry, f"{path}.{i}") for i, entry in enumerate(_list(plain)))
    for option in options:
        matched = _matched(option, plain)
        if matched is not None or (plain is None and option is NoneType):
            return matched
    raise InputError(f"{path}: {_shown(plain)}; accepted: {described(annotation)}")


def _chosen(kinds: dict[str, type], plain: Any, path: str, *, named: bool) -> Any:
    """A component; with ``named``, of the class that it names."""
    if not named or not isinstance(plain, Mapping):
        return _component(next(iter(kinds.values())), plain, path)
    fields = dict(plain)
    kind = fields.pop(KIND, None)
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(f"{path}.{KIND}: {_shown(kind)}; accepted: {', '.join(kinds)}")
    return _component(kinds[kind], fields, path)


def _list(plain: Any) -> list[Any]:
    """A list, or the dictionary by position that ``unflatten`` makes of one."""
    if isinstance(plain, Mapping):
        positions = [str(i) for i in range(len(plain))]
        return [plain[i] for i in positions] if set(plain) == set(positions) else [plain]
    return list(plain) if isinstance(plain, list | tuple) else [plain]


def _matched(kind: Any, plain: Any) -> Any:
    """The value as one annotation without alternatives has it; None where it does not fit."""
    if typing.get_origin(kind) is typing.Literal:
        return next(
            (v for v in typing.get_args(kind) if v == plain and type(v) is type(plain)), None
        )
    if typing.get_origin(kind) is tuple:
        return _matched_tuple(typing.get_args(kind), plain)
    if kind is int and type(plain) is int:
        return plain if abs(plain) <= _LARGEST else None
    if kind is float and type(plain) in (int, float):
        return (
            float(plain)
            if abs(plain) <= _LARGEST or (type(plain) is float and math.isfinite(plain))
            else None
        )
    return plain if kind in (bool, str) and type(plain) is kind else None


def _matched_tuple(kinds: tuple[Any, ...], plain: Any) -> tuple[Any, ...] | None:
    if not isinstance(plain, list | tuple):
        return None
    if kinds[1:] == (Ellipsis,):
        kinds = kinds[:1] * len(plain)
    if len(kinds) != len(plain):
        return None
    found = []
    for kind, entry in zip(kinds, plain, strict=True):
        matched = next((m for o in _options(kind) if (m := _matched(o, entry)) is not None), None)
        if matched is None and not (entry is None and NoneType in _options(kind)):
            return None
        found.append(matched)
    return tuple(found)


def _described_option(option: Any) -> str:
    origin, arguments = typing.get_origin(option), typing.get_args(option)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        inner = ", ".join("..." if a is Ellipsis else described(a) for a in arguments)
        return f"tuple ({inner})"
    return "None" if option is NoneType else getattr(option, "__name__", str(option))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
