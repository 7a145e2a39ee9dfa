"""Profiles a training step by operation, layer and kind of work.

    python -m benchmarks.profile --model context_aware

Runs a chunk of steps under ``jax.profiler``, on one device, reads the trace, and gives each
operation's own time (without that of operations inside it) to the layer that the program was
traced from, forward or backward. Times are sums over the threads that start operations, so they
may exceed the wall time. ``--form plain`` profiles the plain Flax form, ``--form pytorch``
PyTorch's quickest form without a compiler, ``--batch-size`` another batch than the thesis's.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks import record
from benchmarks.extra import require_torch
from benchmarks.kinds import by_kind, kind_of_aten, kind_of_place
from benchmarks.timing import add_chunk_flags, chunk_steps
from benchmarks.trace import Place, operation_times, place_of, places_of_program
from benchmarks.training import SEED, Training
from benchmarks.workloads import Workload, workload
from cal_jax.errors import InputError
from cal_jax.training.batches import batch_rows

FORMS = ("cal_jax", "plain", "pytorch")
Traced = tuple[float, dict[Place, float]]
"""Seconds of the wall, and own seconds of each operation, of all the steps."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Trace and add up."""
    record.require_at_least(flags, steps=1, rows=1)
    steps = chunk_steps(flags)
    batch = {} if flags.batch_size is None else {"batch_size": flags.batch_size}
    work = workload(flags.model, flags.size, **batch)
    of_pytorch = flags.form == "pytorch"
    wall, seconds = _pytorch(work, steps) if of_pytorch else _jax(work, flags.form, steps)
    kind_of = kind_of_aten if of_pytorch else kind_of_place
    each = {place: 1000 * spent / steps for place, spent in seconds.items()}
    rows = sorted(each.items(), key=lambda pair: -pair[1])
    total = sum(each.values())
    fields: dict[str, Any] = {
        "model": flags.model,
        "form": flags.form,
        "batch_size": work.shape.batch_size,
        "steps_in_a_chunk": steps,
        "wall_milliseconds_per_step": 1000 * wall / steps,
        "thread_milliseconds_per_step": total,
        "kinds": by_kind((kind_of(place), ms) for place, ms in each.items()),
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
    form = "" if flags.form == "cal_jax" else f"-{flags.form}"
    size = "" if flags.batch_size is None else f"-batch_{flags.batch_size}"
    return record.Measured(f"profile-{flags.model}{form}{size}", fields)


def _jax(work: Workload, form: str, steps: int) -> Traced:
    """Of our form or of the plain one."""
    ours = form == "cal_jax"
    training = Training(work, work.model if ours else work.plain, form="scan" if ours else "calls")
    of_program = places_of_program(training.program(steps))
    training.take(steps)
    with tempfile.TemporaryDirectory(prefix="cal_jax_benchmark.") as folder:
        with jax.profiler.trace(folder):
            started = time.perf_counter()
            training.take(steps)
            wall = time.perf_counter() - started
        traces = list(Path(folder).rglob("*.xplane.pb"))
        if not traces:
            raise InputError("jax.profiler wrote no trace; accepted: a JAX that can profile")
        seconds = operation_times(traces[0])
    places: dict[Place, float] = {}
    for name, spent in seconds.items():
        place = place_of(name, of_program)
        places[place] = places.get(place, 0.0) + spent
    return wall, places


def _pytorch(work: Workload, steps: int) -> Traced:
    """Of the twin, eager, with images as it has them quickest; operations have no layers."""
    require_torch()

    import torch

    from benchmarks.twins.racers import Racer
    from benchmarks.twins.torch_trace import aten_times

    torch.set_num_threads(os.cpu_count() or 1)
    images = work.name == "context_aware"
    racer = Racer(work, work.init(work.model), "channels_last" if images else "eager")
    rows = batch_rows(SEED, len(work.data[0]), work.shape.batch_size, 0, steps)
    wall, seconds = aten_times(racer, rows)
    return wall, {("-", "-", name): spent for name, spent in seconds.items()}


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.profile", __doc__)
    add_chunk_flags(parser)
    parser.add_argument(
        "--form",
        choices=FORMS,
        default=FORMS[0],
        help="ours, the plain Flax form, or PyTorch's (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size", type=int, help="data sets in a step, or images (default: the thesis's)"
    )
    parser.add_argument(
        "--rows", type=int, default=25, help="operations in the record (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
