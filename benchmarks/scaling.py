"""Measures scaling of a step's time in batch, sets, samples, contexts, images and seeds.

    python -m benchmarks.scaling --model context_aware

Each axis is varied alone from the thesis's shape, its settings interleaved in one process,
and an exponent fitted: the slope of log time on log size, with its standard error. Devices
and processes: ``python -m benchmarks.processes``.
"""

import argparse
import functools
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import record
from benchmarks.fit import fit_exponent
from benchmarks.timing import add_race_flags, chunk_steps, interleaved, spread
from benchmarks.training import Training
from benchmarks.workloads import SHAPES, ModelName, Shape, workload
from cal_jax.cli.progress import Progress

AXES: dict[str, tuple[str, ...]] = {
    "vae": ("batch_size", "samples", "image_size", "seeds"),
    "statistician": ("batch_size", "items", "samples", "seeds"),
    "context_aware": ("batch_size", "items", "samples", "contexts", "image_size", "seeds"),
}
FACTORS: dict[str, tuple[float, ...]] = {
    "batch_size": (0.25, 0.5, 1),
    "items": (0.5, 1, 2),
    "samples": (1, 2, 4),
    "contexts": (1, 2, 4),
    "image_size": (0.5, 0.75, 1),
    "seeds": (1, 2, 4),
}
"""Of the thesis's shape."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Vary each axis."""
    record.require_at_least(flags, repeats=1, steps=1)
    axes = flags.axes or AXES[flags.model]
    fields = {
        "model": flags.model,
        "shape": vars(SHAPES[flags.model, flags.size]),
        "axes": {name: _axis(flags, name) for name in axes},
    }
    alone = "-seeds" if list(axes) == ["seeds"] else ""  # a table of its own
    return record.Measured(f"scaling-{flags.model}{alone}", fields)


def settings(model: ModelName, size: str, axis: str) -> dict[int, Shape]:
    """The shapes of an axis, by the value on it; two or more."""
    base = SHAPES[model, size]
    values = {max(1, round(factor * getattr(base, axis))) for factor in FACTORS[axis]}
    if len(values) == 1:
        values |= {2 * value for value in values}
    return {value: replace(base, **{axis: value}) for value in sorted(values)}


def _axis(flags: argparse.Namespace, axis: str) -> dict[str, Any]:
    shapes = settings(flags.model, flags.size, axis)
    timers = {}
    with Progress(len(shapes), f"compiling {axis}", unit="setting") as progress:
        for index, (value, shape) in enumerate(shapes.items()):
            work = workload(flags.model, flags.size, **vars(shape))
            training = Training(work, work.model)
            training.take(chunk_steps(flags))
            timers[str(value)] = functools.partial(training.milliseconds, chunk_steps(flags))
            progress.update(index + 1)
    found = interleaved(timers, flags.repeats, f"timing {axis}")
    sizes = [float(value) for value, times in found.items() for _ in times]
    exponent = fit_exponent(sizes, [time for times in found.values() for time in times])
    return {
        "milliseconds_per_step": {value: spread(times) for value, times in found.items()},
        "exponent": exponent.value,
        "standard_error": exponent.standard_error,
    }


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.scaling", __doc__)
    add_race_flags(parser)
    parser.add_argument(
        "--axes", nargs="+", choices=FACTORS, help="only these (default: all of the model's)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
