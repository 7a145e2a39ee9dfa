"""Where a training step's time goes, operation by operation and layer by layer.

    python -m benchmarks.profile --model context_aware

Runs one compiled step under ``jax.profiler``, reads the trace, and gives each operation's
own time (without that of operations inside it) to the layer that the program was traced
from, forward or backward. Times are sums over threads, so they may exceed the wall time.
``--form plain`` profiles the plain Flax form.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks import record
from benchmarks.cost import lowered_step
from benchmarks.trace import operation_times, place_of, places_of_program
from benchmarks.training import SEED, Training
from benchmarks.workloads import MODELS, workload
from cal_jax.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Compile, trace and add up."""
    record.require_at_least(flags, steps=1, rows=1)
    work = workload(flags.model, flags.size)
    model = work.model if flags.form == "cal_jax" else work.plain
    training = Training(work, model)
    step = lowered_step(work, model).compile()
    data = jax.device_put(work.data)
    state = jax.device_put(training.initial)

    def take() -> float:
        nonlocal state
        started = time.perf_counter()
        state, metrics = step(state, jax.random.key(SEED), data, training.rows(1))
        jax.block_until_ready((state, metrics))
        return time.perf_counter() - started

    take()
    with tempfile.TemporaryDirectory(prefix="cal_jax_benchmark.") as folder:
        with jax.profiler.trace(folder):
            wall = 1000 * sum(take() for _ in range(flags.steps)) / flags.steps
        traces = list(Path(folder).rglob("*.xplane.pb"))
        if not traces:
            raise InputError("jax.profiler wrote no trace; accepted: a JAX that can profile")
        seconds = operation_times(traces[0])
    places = places_of_program(step.as_text() or "")
    groups: dict[tuple[str, str, str], float] = {}
    for name, spent in seconds.items():
        place = place_of(name, places)
        groups[place] = groups.get(place, 0.0) + 1000 * spent / flags.steps
    rows = sorted(groups.items(), key=lambda pair: -pair[1])
    total = sum(groups.values())
    fields: dict[str, Any] = {
        "model": flags.model,
        "form": flags.form,
        "wall_milliseconds_per_step": wall,
        "thread_milliseconds_per_step": total,
        "operations": [
            {
                "layer": layer,
                "direction": direction,
                "operation": operation,
                "milliseconds": ms,
                "share": ms / total,
            }
            for (layer, direction, operation), ms in rows[: flags.rows]
        ],
    }
    name = f"profile-{flags.model}" + ("" if flags.form == "cal_jax" else "-plain")
    return record.Measured(name, fields)


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.profile", __doc__)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--form", choices=["cal_jax", "plain"], default="cal_jax")
    parser.add_argument("--steps", type=int, default=5, help="traced (default: %(default)s)")
    parser.add_argument(
        "--rows", type=int, default=25, help="operations in the record (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
