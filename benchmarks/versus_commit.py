"""A preset's training step beside another checkout's: CPU time, compilation and memory.

    python -m benchmarks.versus_commit ../before rotated cpu --data-dir DIR

Runs both in one process, interleaved, because ratios taken in separate processes on a shared
machine vary by more than what is measured. CPU time counts all threads. The other checkout's
package is imported first and taken out of ``sys.modules``; each experiment's own program runs
up to its first chunk of steps, which is captured.
"""

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import jax

PACKAGES = ("cal_jax", "experiments")


class _Captured(BaseException):
    """The first chunk of a run: what it starts, and its arguments."""


class Side:
    """One checkout's preset, ready to take steps."""

    def __init__(self, root: Path, flags: argparse.Namespace) -> None:
        self.chunk, self.state, self.rest, self.rows = _first_chunk(root, flags)

    def take(self, steps: int) -> float:
        """Milliseconds of CPU time of each of so many steps."""
        started = time.process_time()
        self.state, read = self.chunk(self.state, *self.rest, self.rows[:steps])
        read()
        return 1000 * (time.process_time() - started) / steps

    def peak_mib(self) -> float:
        """Of a chunk's program: temporary memory, and what it gives back beside its arguments."""
        lowered = self.chunk.lower(self.state, *self.rest, self.rows)
        found = lowered.compile().memory_analysis()
        kept = found.output_size_in_bytes - found.alias_size_in_bytes
        return float((found.temp_size_in_bytes + kept) / 2**20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the ratios of this checkout to the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path, help="root of the other checkout")
    parser.add_argument("experiment", help="a module of experiments/")
    parser.add_argument("preset")
    parser.add_argument("words", nargs="*", help="for the experiment, after --")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--steps", type=int, default=10, help="a measurement")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="compile once more for it")
    flags = parser.parse_args(arguments)
    sides = {"before": Side(flags.before, flags), "now": Side(Path.cwd(), flags)}
    first = {name: side.take(1) for name, side in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(flags.repeats):
        for name, side in sides.items():
            times[name].append(side.take(flags.steps))
    ratios = [now / before for before, now in zip(times["before"], times["now"], strict=True)]
    print(f"{flags.experiment} {flags.preset}: a step {statistics.median(ratios):.3f}", end=" ")
    print(f"({min(ratios):.3f} to {max(ratios):.3f}; {min(times['before']):.1f} ms before)")
    print(f"  first chunk, mostly compilation: {first['now'] / first['before']:.3f}", end=" ")
    print(f"({first['before'] / 1000:.1f} s before)")
    if flags.memory:
        peaks = {name: side.peak_mib() for name, side in sides.items()}
        print(f"  peak memory: {peaks['now'] / peaks['before']:.3f}", end=" ")
        print(f"({peaks['before']:.0f} MiB before)")
    return 0


def _first_chunk(root: Path, flags: argparse.Namespace) -> tuple[Any, ...]:
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.path.insert(0, str(root.resolve()))
    try:
        experiment = importlib.import_module(f"experiments.{flags.experiment}")
        loop = importlib.import_module("cal_jax.training.loop")
        assert Path(str(loop.__file__)).is_relative_to(root.resolve()), loop.__file__
        make = loop.parallel_chunk

        def capturing(*given: Any, **options: Any) -> Any:
            chunk = make(*given, **options)

            def start(*arguments: Any) -> Any:
                raise _Captured(chunk, *arguments)

            return start

        words = ["--preset", flags.preset, "--seed", "0", *flags.words]
        if flags.data_dir is not None:
            words += ["--data-dir", str(flags.data_dir)]
        with tempfile.TemporaryDirectory(prefix="cal_jax_benchmark.") as folder:
            words += ["--run-dir", str(Path(folder) / "run"), "--compilation-cache", "none"]
            with mock.patch.object(loop, "parallel_chunk", capturing):
                experiment.main(words)
    except _Captured as captured:
        chunk, state, *rest, rows = captured.args
        return chunk, state, rest, rows
    finally:
        sys.path.pop(0)
    raise SystemExit(f"{root}: {flags.experiment} started no training")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)
    sys.exit(main())
