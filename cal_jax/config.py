"""Frozen dataclass configs: overrides by dotted name, plain dictionaries, differences."""

import ast
import dataclasses
import typing
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, TypeVar

from cal_jax.errors import InputError

Config = TypeVar("Config")

_QUIET = "omit_default"


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


def override(config: Config, assignments: Sequence[str]) -> Config:
    """The config with fields replaced, as in ``training.steps=100`` or ``model.norm=layer``.

    Raises:
      InputError: for an unknown field, or a value of another type than the field's.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: accepted is NAME=VALUE, as training.steps=100")
        config = _replaced(config, name.split("."), name, text)
    return config


def flatten(config: Any) -> dict[str, Any]:
    """Every field by its dotted name; tuples as lists, so that JSON gives the same back.

    A ``omit_default`` field at its default is left out.
    """
    return dict(_fields(config, "", all_of_them=False))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each field that differs between two flat configs."""
    missing = "(absent)"
    return [
        f"{name} was {old.get(name, missing)!r}, is {new.get(name, missing)!r}"
        for name in sorted({*old, *new})
        if old.get(name, missing) != new.get(name, missing)
    ]


def _replaced(config: Any, path: list[str], name: str, text: str) -> Any:
    types = typing.get_type_hints(type(config))
    field, *rest = path
    if field not in types:
        accepted = ", ".join(dict(_fields(config, "")))
        raise InputError(f"--set {name}: no such field; accepted are {accepted}")
    current = getattr(config, field)
    if rest and dataclasses.is_dataclass(current):
        value = _replaced(current, rest, name, text)
    elif rest or dataclasses.is_dataclass(current):
        raise InputError(f"--set {name}: name one field of it, as {name}.FIELD=VALUE")
    else:
        value = _parsed(types[field], name, text)
    return dataclasses.replace(config, **{field: value})


def _parsed(kind: Any, name: str, text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if _matches(value, kind):
        return value
    if _matches(float(value) if type(value) is int else value, kind):
        return float(value)
    raise InputError(f"--set {name}={text}: accepted is {_described(kind)}")


def _matches(value: Any, kind: Any) -> bool:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return value in arguments
    if origin in (typing.Union, UnionType):
        return any(_matches(value, option) for option in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return all(_matches(entry, arguments[0]) for entry in value)
        return len(value) == len(arguments) and all(map(_matches, value, arguments))
    return type(value) is kind if isinstance(kind, type) else value is kind


def _described(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    return getattr(kind, "__name__", str(kind)) if not typing.get_args(kind) else str(kind)


def _fields(config: Any, prefix: str, *, all_of_them: bool = True) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{name}.", all_of_them=all_of_them)
        elif all_of_them or _QUIET not in field.metadata or value != field.default:
            yield name, _listed(value)


def _listed(value: Any) -> Any:
    return [_listed(entry) for entry in value] if isinstance(value, tuple) else value
