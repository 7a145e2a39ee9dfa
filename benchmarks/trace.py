"""Reads a trace of jax.profiler: the own time of each operation, and which layer it is of."""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

Place = tuple[str, str, str]
"""Layer, direction (forward, backward or -), operation."""

_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%?([\w.-]+) = .*?op_name=\"([^\"]*)\"", re.M)
_LAYER = re.compile(r"^(?:Conv|ConvTranspose|Dense|BatchNorm|Embedding|input)_\d+$")
_NETWORK = re.compile(
    r"^(?:encoder|decoder|statistic|hidden|output|pre_pool|post_pool|embedding"
    r"|\w+_(?:head|trunk|statistic|heads_\d+|trunks_\d+|parameters))$"
)


def operation_times(path: Path) -> dict[str, float]:
    """Seconds of each operation of XLA in a trace, without what runs inside it."""
    seconds: dict[str, float] = {}
    for events in _operations(path):
        for name, own in own_times(events):
            seconds[name] = seconds.get(name, 0.0) + own / 1e9
    return seconds


def own_times(events: list[tuple[str, float, float]]) -> list[tuple[str, float]]:
    """(name, start, duration) of nested events -> (name, duration less that of those inside)."""
    own: list[list[Any]] = []
    open_: list[tuple[float, int]] = []
    for name, start, duration in sorted(events, key=lambda event: (event[1], -event[2])):
        while open_ and open_[-1][0] <= start:
            open_.pop()
        if open_:
            own[open_[-1][1]][1] -= duration
        open_.append((start + duration, len(own)))
        own.append([name, duration])
    return [(name, duration) for name, duration in own]


def places_of_program(text: str) -> dict[str, Place]:
    """The place of each instruction of a compiled program's text."""
    return {name: place_of_path(path) for name, path in _INSTRUCTION.findall(text)}


def place_of_path(path: str) -> Place:
    """Where an operation comes from, by its path, as ``jit(f)/encoder/Conv_3/dot``."""
    *outer, operation = re.split(r"/(?![^(]*\))", path)
    names = [name for part in outer for name in re.findall(r"[\w.]+", part)]
    layers = [name for name in names if _LAYER.match(name) or _NETWORK.match(name)]
    direction = "backward" if "transpose(" in path else "forward"
    return ("/".join(dict.fromkeys(layers)) or "-", direction if layers else "-", operation)


def place_of(name: str, places: Mapping[str, Place]) -> Place:
    """The place of an event; one that the program's text does not have is an operation alone."""
    return places.get(name, ("-", "-", re.sub(r"[.\d]+$", "", name)))


def _operations(path: Path) -> Iterator[list[tuple[str, float, float]]]:
    """(name, start, duration) in nanoseconds of XLA's operations, a list for each thread."""
    with warnings.catch_warnings():
        # jaxlib 0.12's own classes have no __module__, of which Python 3.13 warns; where
        # warnings are errors, theirs ends the process.
        warnings.filterwarnings("ignore", "builtin type .* has no __module__", DeprecationWarning)
        for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
            for line in plane.lines:
                events = [event for event in line.events if _is_operation(event)]
                yield [(event.name, event.start_ns, event.duration_ns) for event in events]


def _is_operation(event: Any) -> bool:
    return any(key == "hlo_op" for key, _ in event.stats)
