"""Compares a training step over several processes or devices with one of each.

    python -m benchmarks.processes --model vae

Starts every layout in processes of its own (1 process, 1 process of 2 devices, 2
processes of 1 device) and times chunks of steps in them in turn, while the others wait.
Strong layouts divide the batch of one device between their devices; weak ones give each
device as much, and their time is divided by the batches. ``MODEL_processes_vs_one`` and
``MODEL_devices_vs_one``, strong, and the same with ``_weak`` are the times divided by that
of one device in one process: all share the machine's cores.
"""

import argparse
import contextlib
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Self

from benchmarks import record
from benchmarks.process_worker import DENSE
from benchmarks.timing import interleaved, median_ratio, spread
from benchmarks.workloads import MODELS
from cal_jax.errors import InputError

LAYOUTS = {
    "one": (1, 1, 1),
    "devices": (1, 2, 1),
    "processes": (2, 1, 1),
    "devices_weak": (1, 2, 2),
    "processes_weak": (2, 1, 2),
}
"""(processes, devices of each, batches in a step)."""


class Layout:
    """Processes that take a chunk of steps when asked; a context manager."""

    def __init__(
        self, processes: int, devices: int, batches: int, flags: argparse.Namespace
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        work = [flags.model, flags.size, batches, flags.steps]
        common = [*work, devices, f"localhost:{port}", processes]
        self._batches = batches
        self._workers = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.process_worker", *map(str, common), str(rank)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(processes)
        ]

    def __enter__(self) -> Self:
        self.milliseconds()  # compiles
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in self._workers:
            worker.wait()

    def milliseconds(self) -> float:
        """Of one step, for each batch in it: the slowest process's.

        Raises:
            InputError: a process ended.
        """
        for worker in self._workers:
            assert worker.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                print(file=worker.stdin, flush=True)
        return max(map(_answer, self._workers)) / self._batches


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Start the layouts, and time them in turn."""
    record.require_at_least(flags, repeats=1, steps=1)
    with contextlib.ExitStack() as stack:
        timers = {
            name: stack.enter_context(Layout(*layout, flags)).milliseconds
            for name, layout in LAYOUTS.items()
        }
        times = interleaved(timers, flags.repeats, f"timing {flags.model}")
    ratios = {
        f"{flags.model}_{name}_vs_one": median_ratio(times[name], times["one"])
        for name in LAYOUTS
        if name != "one"
    }
    fields: dict[str, Any] = {
        "model": flags.model,
        "milliseconds_per_batch": {name: spread(values) for name, values in times.items()},
        **ratios,
    }
    last = "  ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
    return record.Measured(f"processes-{flags.model}", fields, last)


def _answer(worker: subprocess.Popen[str]) -> float:
    """The next time that a worker prints; other lines, as Gloo's, are passed over."""
    assert worker.stdout is not None
    for line in worker.stdout:
        word, _, value = line.partition(" ")
        if word == "milliseconds":
            return float(value)
    raise InputError("a process of the benchmark has ended: see its message above")


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.processes", __doc__)
    parser.add_argument("--model", choices=(*MODELS, DENSE), required=True)
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=5, help="of a chunk (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
