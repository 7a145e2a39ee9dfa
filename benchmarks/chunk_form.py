"""Compares a chunk of training as one scan and as repeated calls of the step.

    python -m benchmarks.chunk_form --model context_aware

Interleaves the two forms in one process: the milliseconds that a step takes in each, and the
median ratio. On a CPU the gradients of XLA's own convolutions are slow inside a loop; those
of ``cal_jax.networks`` are not.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Sequence

from benchmarks import record
from benchmarks.host_devices import add_host_devices, devices_of
from benchmarks.timing import add_race_flags, chunk_steps, interleaved, median_ratio, spread
from benchmarks.training import Training
from benchmarks.workloads import workload
from cal_jax.training.parallel import ChunkForm

FORMS: tuple[ChunkForm, ...] = ("calls", "scan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Milliseconds per step of each form; compilation is left out."""
    record.require_at_least(flags, repeats=1, steps=1)
    devices = devices_of(flags)
    work = workload(flags.model, flags.size)
    timers: dict[str, Callable[[], float]] = {}
    for form in FORMS:
        training = Training(work, work.model, devices, form)
        training.take(chunk_steps(flags))
        timers[form] = functools.partial(training.milliseconds, chunk_steps(flags))
    times = interleaved(timers, flags.repeats, f"timing {flags.model}")
    ratio = median_ratio(times["scan"], times["calls"])
    fields = {
        "model": flags.model,
        "shape": vars(work.shape),
        "devices": len(devices),
        "steps_in_a_chunk": chunk_steps(flags),
        "milliseconds_per_step": {form: spread(times[form]) for form in FORMS},
        "scan_vs_calls": ratio,
    }
    return record.Measured(f"chunk_form-{flags.model}", fields, f"scan_vs_calls {ratio:.3f}")


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.chunk_form", __doc__)
    add_race_flags(parser)
    add_host_devices(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
