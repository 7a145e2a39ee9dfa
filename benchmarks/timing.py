"""Interleaved timing of several programs, and its statistics."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from benchmarks.workloads import MODELS, ModelName
from cal_jax.cli.progress import Progress

CHUNK_STEPS: dict[ModelName, int] = {"vae": 100, "statistician": 20, "context_aware": 4}
"""Steps of a chunk: some tenths of a second or more, as a run's, so that its start costs little."""

ON_ACCELERATORS = 10
"""Times as many there: an H100 takes a step of the context-aware learner in 4 to 7 ms."""


def add_race_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of a race between forms of one model."""
    add_chunk_flags(parser)
    parser.add_argument("--repeats", type=int, default=5, help="interleaved (default: %(default)s)")


def add_chunk_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of a chunk of a model's steps."""
    parser.add_argument("--model", choices=MODELS, required=True)
    of_models = ", ".join(f"{steps} of {model}" for model, steps in CHUNK_STEPS.items())
    default = f"{of_models}; {ON_ACCELERATORS} times as many on an accelerator"
    parser.add_argument("--steps", type=int, help=f"in a chunk (default: {default})")


def chunk_steps(flags: argparse.Namespace) -> int:
    """Steps of a chunk: as asked, or those of the model where JAX runs."""
    times = 1 if jax.default_backend() == "cpu" else ON_ACCELERATORS
    return flags.steps or times * CHUNK_STEPS[flags.model]


def interleaved(
    timers: Mapping[str, Callable[[], float]], repeats: int, description: str
) -> dict[str, list[float]]:
    """Call every timer in turn, ``repeats`` times over, so that noise falls on all alike.

    Args:
        timers: by name; each takes its measurement and returns it.
        repeats: measurements of each.
        description: before the progress bar.

    Returns:
        The measurements of each, in the order in which they were taken.
    """
    times: dict[str, list[float]] = {name: [] for name in timers}
    with Progress(repeats * len(timers), description, unit="measurement") as progress:
        for repeat in range(repeats):
            for index, (name, timer) in enumerate(timers.items()):
                times[name].append(timer())
                progress.update(repeat * len(timers) + index + 1)
    return times


def warm_milliseconds(take: Callable[[], object], steps: int) -> float:
    """Of one of the steps that ``take`` takes and waits for; its first call is not timed."""
    take()
    started = time.perf_counter()
    take()
    return 1000 * (time.perf_counter() - started) / steps


def spread(values: Sequence[float]) -> dict[str, Any]:
    """The median, the extremes and the number of measurements."""
    return {
        "median": statistics.median(values),
        "minimum": min(values),
        "maximum": max(values),
        "repeats": len(values),
    }


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios of measurements that were taken one after the other."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))
