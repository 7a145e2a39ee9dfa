"""Records of benchmarks: numbers with their provenance, written to `results/`."""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cal_jax.cli import program as command_line
from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from cal_jax.io.provenance import device_description, source_revision, versions

RESULTS = Path("results")
LOCAL = ("out", "data_dir", "run_dir")
"""Flags that hold paths of one machine; the record leaves them out."""


class Measured(NamedTuple):
    """What one benchmark found."""

    name: str
    """Of its record, as ``step-vae`` of ``results/benchmark-step-vae.json``."""
    fields: Mapping[str, Any]
    """The numbers, by what they are."""
    last_line: str | None = None
    """Printed after the JSON: the one number to look at."""


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The flags of every benchmark: its size, and where its record goes."""
    flags = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument(
        "--size",
        choices=["thesis", "smoke"],
        default="thesis",
        help="thesis: the architectures of the thesis; smoke: tiny ones, which only show "
        "that the program runs (default: %(default)s)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the JSON is written (default: results/benchmark-NAME.json at --size "
        "thesis, nowhere at smoke); it is printed too",
    )
    return flags


def run(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    measure: Callable[[argparse.Namespace], Measured | Iterator[Measured]],
) -> int:
    """Parse, measure, write and print; the exit code is 0, or 2 for bad input.

    Of a long measurement ``measure`` may yield what it has so far, again and again: each is
    written over the one before, so that a stop loses what was not measured, and no more.
    """
    flags = parser.parse_args(arguments)

    def program() -> None:
        started, revision = time.perf_counter(), source_revision()
        found = measure(flags)
        text, last_line = "", None
        for measured in (found,) if isinstance(found, Measured) else found:
            record = {
                "benchmark": measured.name,
                "command": command(parser, flags),
                "device": device_description(),
                "cores": os.cpu_count(),
                "versions": versions(),
                "revision": revision,
                "seconds": round(time.perf_counter() - started, 1),
                **rounded(measured.fields),
            }
            text, last_line = as_json(record), measured.last_line
            write(text, flags.out or default_path(measured.name, flags.size))
        print(text, end="")
        if last_line is not None:
            print(last_line)

    return command_line.exit_code(program)


def as_json(record: Mapping[str, Any]) -> str:
    """A record's text."""
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def write(text: str, path: Path | None) -> None:
    """Write a record whole or not at all, where there is a path.

    Raises:
        InputError: the file cannot be written.
    """
    if path is not None:
        write_atomically(path, text.encode())
        print(f"written: {path}", file=sys.stderr)


def default_path(name: str, size: str) -> Path | None:
    """Where a record goes without ``--out``: a smoke run's nowhere."""
    return RESULTS / f"benchmark-{name}.json" if size == "thesis" else None


def command(parser: argparse.ArgumentParser, flags: argparse.Namespace) -> str:
    """What repeats the measurement: flags that are not at their defaults, without paths."""
    words = parser.prog.split()
    for name, value in vars(flags).items():
        if value == parser.get_default(name):
            continue
        flag = f"--{name.replace('_', '-')}"
        if name == "data_dir":
            words += [flag, "DIR"]
        elif value is True:
            words.append(flag)
        elif name not in LOCAL:
            words += [flag, *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words)


def require_at_least(flags: argparse.Namespace, **least: int) -> None:
    """Refuse numbers that are too small; a flag left at None passes.

    Raises:
        InputError: names the first flag that is below its least value.
    """
    for name, smallest in least.items():
        value = getattr(flags, name)
        if value is not None and value < smallest:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} {value}; accepted: {smallest} or more")


def rounded(value: Any, digits: int = 5) -> Any:
    """Every float of a tree to so many significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, Mapping):
        return {name: rounded(each, digits) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each, digits) for each in value]
    return value
