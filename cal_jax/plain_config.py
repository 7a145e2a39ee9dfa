"""Configs as nested dictionaries for JSON, checked when they are read back."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar

from cal_jax.config import KIND, element_of, kind_name, kinds_of, options_of
from cal_jax.errors import InputError

Config = TypeVar("Config")

_LARGEST = 2**63 - 1


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
    kinds = [_described_option(option) for option in options_of(annotation)]
    return " or ".join(kinds)


def _to_plain(value: Any, annotation: Any) -> Any:
    if isinstance(value, tuple):
        element = element_of(annotation)
        return [_to_plain(entry, element) for entry in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    named = {KIND: kind_name(value)} if len(options_of(annotation)) > 1 else {}
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
    options, kinds = options_of(annotation), kinds_of(annotation)
    if kinds and not (plain is None and NoneType in options):
        return _chosen(kinds, plain, path, named=len(options) > 1)
    element = element_of(annotation)
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
        matched = next((m for o in options_of(kind) if (m := _matched(o, entry)) is not None), None)
        if matched is None and not (entry is None and NoneType in options_of(kind)):
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
