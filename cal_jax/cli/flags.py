"""Command lines parsed into frozen dataclasses by tyro; bad ones raise InputError, in one line.

Every field of a config is a flag under its dotted name: ``--training.steps 100``,
``--digits 7 8 9``, ``--model.skip False``. Where a field may hold components of several
classes, ``--model.posterior.kind Attention`` chooses the class, whose own fields are then
flags; they begin at that class's defaults.
"""

import contextlib
import contextvars
import dataclasses
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from cal_jax.config import KIND, Entry, entries, kind_name
from cal_jax.errors import InputError

Parsed = TypeVar("Parsed")
Config = TypeVar("Config")

_CHOICE = re.compile(r"invalid choice '(.*)' for argument '(.*)'. Expected one of \((.*?),?\)")
_KIND_HELP = "class of the component; another one starts from its own defaults"


def parse(
    kind: type[Parsed] | Any,
    arguments: Sequence[str] | None,
    *,
    prog: str,
    description: str,
    registry: ConstructorRegistry | None = None,
) -> Parsed:
    """Parse a command line with tyro.

    Args:
      kind: a dataclass, whose fields are the flags; or a union of them, the subcommands.
      arguments: without the program; None reads the command line.
      prog: its name.
      description: for ``--help``, which prints every flag and exits with code 0.
      registry: further rules of tyro's.

    Raises:
      InputError: a flag that is unknown, missing or has a bad value.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                kind,
                args=arguments,
                prog=prog,
                description=description,
                registry=registry,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise _refusal(end, said.getvalue()) from None


def value_before_parsing(arguments: Sequence[str], flag: str, default: str) -> str:
    """The last value of a flag that decides which other flags there are."""
    for position, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") == flag.replace("_", "-"):
            default = value if equals else "".join(arguments[position + 1 : position + 2])
    return default


def with_kinds(config: Config, arguments: Sequence[str]) -> Config:
    """The config with the components whose ``.kind`` a command line names, outer ones first.

    Raises:
      InputError: a class that the field's annotation does not list, or one without defaults.
    """
    flags = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    chosen = [flag for flag in flags if flag.endswith(f".{KIND}")]
    for flag in sorted(chosen, key=lambda flag: flag.count(".")):
        name = flag.removeprefix("--").removesuffix(f".{KIND}").replace("-", "_")
        config = _with_kind(config, name, flag, value_before_parsing(arguments, flag, ""))
    return config


def config_rules(config: Any, hidden: Iterable[str]) -> ConstructorRegistry:
    """tyro's rules for a config: its own values are the defaults, every component's class its own.

    Args:
      config: of which each field is a flag.
      hidden: values in it that are none.
    """
    registry, not_shown = ConstructorRegistry(), frozenset(hidden)
    asking = contextvars.ContextVar("asking", default=False)

    @registry.struct_rule
    def of_component(info: StructTypeInfo) -> StructConstructorSpec | None:
        component = dataclasses.is_dataclass(info.default) and not isinstance(info.default, type)
        if asking.get() or not component:
            return None
        token = asking.set(True)  # tyro asks this rule too
        usual = ConstructorRegistry.get_struct_spec(info)
        asking.reset(token)
        assert isinstance(usual, StructConstructorSpec)
        if info.default is config:
            return _component_spec(info.default, usual, not_shown)
        return _component_spec(info.default, usual, frozenset())

    @registry.primitive_rule
    def of_value(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
        return _PRIMITIVES.get(info.type)

    return registry


def changed_flags(old: Any, new: Any, prefix: str = "--") -> list[str]:
    """The words that make one config another, as ``--training.steps``, ``100``."""
    words: list[str] = []
    before = {entry.name: entry.value for entry in entries(old)}
    for entry in entries(new):
        was, flag = before.get(entry.name), f"{prefix}{entry.name.replace('_', '-')}"
        if was == entry.value and type(was) is type(entry.value):
            continue
        if not entry.kinds:
            words += [flag, *_words(entry.value)]
            continue
        if type(was) is not type(entry.value):
            words += [f"{flag}.{KIND}", kind_name(entry.value)]
            was = entry.value and type(entry.value)()
        if entry.value is not None:
            words += changed_flags(was, entry.value, f"{flag}.")
    return words


def _with_kind(config: Any, path: str, flag: str, name: str) -> Any:
    """The config whose component at a dotted path is of another class."""
    for entry in entries(config):
        if path == entry.name and entry.has_choice:
            return _with_entry(config, entry.name, _made(entry, flag, name))
        if path.startswith(f"{entry.name}.") and dataclasses.is_dataclass(entry.value):
            inner = _with_kind(entry.value, path.removeprefix(f"{entry.name}."), flag, name)
            return _with_entry(config, entry.name, inner)
    return config  # no such flag: parsing says so


def _made(entry: Entry, flag: str, name: str) -> Any:
    if name == kind_name(entry.value):
        return entry.value
    if name not in _choices(entry):
        raise InputError(f"{flag} {name}; accepted: {', '.join(_choices(entry))}")
    if name == kind_name(None):
        return None
    try:
        return entry.kinds[name]()
    except TypeError as error:
        raise InputError(f"{flag} {name}: {error}; accepted: a class with defaults") from error


def _choices(entry: Entry) -> tuple[str, ...]:
    return (*entry.kinds, *(["None"] if "None" in str(entry.annotation) else []))


def _with_entry(config: Any, name: str, value: Any) -> Any:
    field, _, position = name.partition(".")
    if not position:
        return dataclasses.replace(config, **{field: value})
    several = list(getattr(config, field))
    several[int(position)] = value
    return dataclasses.replace(config, **{field: tuple(several)})


def _component_spec(
    component: Any, usual: StructConstructorSpec, hidden: frozenset[str]
) -> StructConstructorSpec:
    """A component's fields: nested ones as the classes that they are, and their kinds."""
    of_name = {field.name: field for field in usual.fields}
    fields: list[StructFieldSpec] = []
    for entry in entries(component):
        field = of_name[entry.name.partition(".")[0]]
        if entry.name in hidden and not entry.kinds:
            continue
        if entry.has_choice:
            accepted: Any = Literal[_choices(entry)]
            at_present = kind_name(entry.value)
            fields.append(StructFieldSpec(f"{entry.name}.{KIND}", accepted, at_present, _KIND_HELP))
        if not entry.kinds:
            fields.append(field)
        elif entry.value is not None:
            fields.append(
                StructFieldSpec(entry.name, type(entry.value), entry.value, field.helptext)
            )

    def instantiate(**values: Any) -> Any:
        # A kind is no value: it was chosen before, and the component is of it.
        changed: dict[str, Any] = {}
        for name, value in values.items():
            field, _, position = name.partition(".")
            if position.isdecimal():
                changed[field] = (*changed.get(field, ()), value)
            elif not position:
                changed[field] = value
        return dataclasses.replace(component, **changed)

    instantiate.__doc__ = type(component).__doc__
    return StructConstructorSpec(instantiate, tuple(fields))


def _primitive(kind: type, read: Callable[[str], Any], accepted: str) -> Any:
    def from_words(words: list[str]) -> Any:
        try:
            return read(words[0])
        except (ValueError, KeyError):
            raise ValueError(f"{words[0]}: accepted is {accepted}") from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=accepted.upper(),
        instance_from_str=from_words,
        is_instance=lambda value: type(value) is kind,
        str_from_instance=lambda value: [str(value)],
    )


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value


_PRIMITIVES: dict[Any, Any] = {
    int: _primitive(int, int, "int"),
    float: _primitive(float, _finite, "float"),
    bool: _primitive(bool, {"True": True, "False": False}.__getitem__, "True or False"),
}


def _words(value: Any) -> list[str]:
    """A value as the words that follow its flag."""
    return [word for v in value for word in _words(v)] if isinstance(value, tuple) else [str(value)]


def _refusal(end: BaseException, said: str) -> InputError:
    """What tyro refused: the InputError of a dataclass, or its own message as one line."""
    cause = end.__context__
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        cause = cause.__context__
    # A box of UTF-8 or ASCII, whose first line is its title.
    lines = [line.strip("│ ") for line in said.splitlines()[1:] if line.strip(" ╰─╯-│")]
    if "Argument helptext:" in lines:  # the next line has the flag and its values
        help_starts = lines.index("Argument helptext:")
        lines[help_starts:] = [f"; accepted: {lines[help_starts + 1]}"]
    text = " ".join(" ".join(lines).split()).replace(" ;", ";")
    text = text.partition(" For full helptext,")[0].removeprefix("Error parsing ")
    choice = re.fullmatch(
        r"invalid choice '(.*)' for argument '(.*)'\. Expected one of \((.*)\)\.", text
    )
    if choice is not None:
        return InputError(f"{choice[2]} {choice[1]}; accepted: {choice[3].replace(chr(39), '')}")
    if text.startswith("Unrecognized") and "meant" not in text:
        text += "; accepted: the flags that --help lists"
    return InputError(text)


def prefixless(kind: Any) -> Any:
    """The annotation of a field whose own fields are flags without its name before them."""
    return Annotated[kind, tyro.conf.arg(name="")]


def with_values(kind: Any) -> Any:
    """The annotation of a field whose booleans, too, are flags with a value."""
    return Annotated[kind, tyro.conf.FlagConversionOff]


def one_of(accepted: Sequence[str], help_text: str) -> Any:
    """The annotation of a field that is one of several names."""
    return Annotated[Literal[tuple(accepted)], tyro.conf.arg(help=help_text)]


def default_of(kind: type) -> Any:
    """The default of a field that holds a dataclass: its own; required, where it has none."""
    unset = [
        f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(kind)
    ]
    return tyro.MISSING if any(unset) else kind()
