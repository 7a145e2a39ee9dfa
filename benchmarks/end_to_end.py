"""Profiles a whole experiment, from its input to its figures.

    python -m benchmarks.end_to_end --experiment synthetic_sets --preset cpu

Runs the experiment's own program in a new folder, with an empty compilation cache, and
divides its wall time into data, compile, training, evaluation and figures; ``other`` is
imports, flags and files. The host's share is the time in which the devices have no chunk of
training to work on, divided by the training's time. At --size smoke the preset is smoke.
"""

import argparse
import contextlib
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from benchmarks import record
from benchmarks.chunk_gaps import ChunkGaps
from benchmarks.compilation import compile_time
from benchmarks.phases import Phases
from cal_jax.errors import InputError
from cal_jax.training import loop
from experiments.common import run as runner

EXPERIMENTS = ("black_and_white", "rotated", "spatial_mnist", "synthetic_sets", "vae_mnist")
PHASES = {
    "load_for_evaluation": "data",
    "data_sets": "data",
    "training_sets": "data",
    "fit_runs": "training",
    "evaluate": "evaluation",
    "publish": "figures",
}
"""Functions that experiments call; ``draw_*`` of cal_jax's figures are figures too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Run the experiment with its functions timed."""
    preset = "smoke" if flags.size == "smoke" else flags.preset
    experiment = importlib.import_module(f"experiments.{flags.experiment}")
    gaps = ChunkGaps()
    with (
        tempfile.TemporaryDirectory(prefix="cal_jax_benchmark.") as folder,
        compile_time() as spent,
    ):
        words = ["--preset", preset, "--run-dir", str(Path(folder) / "run"), "--seed", "0"]
        words += ["--compilation-cache", str(Path(folder) / "compiled")]
        if flags.data_dir is not None:
            words += ["--data-dir", str(flags.data_dir)]
        watched = mock.patch.object(loop, "parallel_chunk", gaps.wrap(loop.parallel_chunk))
        started = time.perf_counter()
        phases = Phases(lambda: spent.seconds)
        with timed_functions(experiment, phases), watched, _stdout_to_stderr():
            code = experiment.main(words)
        gaps.end()
        phases.settle()
        seconds = time.perf_counter() - started
    if code:
        raise InputError(f"{flags.experiment} --preset {preset}: exit code {code}")
    share = gaps.idle / gaps.total if gaps.total else None
    fields = {
        "experiment": flags.experiment,
        "preset": preset,
        "wall_seconds": seconds,
        "phase_seconds": phases.seconds,
        "phase_shares": {name: value / seconds for name, value in phases.seconds.items()},
        "chunks": gaps.chunks,
        "host_share_between_chunks": share,
    }
    name = f"end_to_end-{flags.experiment}"
    return record.Measured(name, fields, f"wall_seconds {seconds:.1f}")


@contextlib.contextmanager
def timed_functions(experiment: ModuleType, phases: Phases) -> Iterator[None]:
    """While entered, the functions of an experiment and of what runs it are timed."""
    of_library = [value for value in vars(experiment).values() if isinstance(value, ModuleType)]
    of_library = [
        module for module in of_library if module.__name__.startswith(("cal_jax.", "experiments."))
    ]
    with contextlib.ExitStack() as stack:
        for module in (experiment, *of_library, runner):
            for name, function in vars(module).copy().items():
                phase = phase_of(name, function)
                if phase is not None:
                    timed: Any = phases.wrap(phase, function)
                    stack.enter_context(mock.patch.object(module, name, timed))
        yield


def phase_of(name: str, function: Any) -> str | None:
    """What a module's member works on; None where it is nothing that is timed by itself."""
    if not callable(function):
        return None
    if (
        name.startswith("draw_") and function.__module__.endswith("figures")
    ) or function.__module__.startswith("cal_jax.plots."):
        return "figures"
    return PHASES.get(name)


def _stdout_to_stderr() -> contextlib.AbstractContextManager[Any]:
    """What the experiment prints is not this program's JSON."""
    return contextlib.redirect_stdout(sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.end_to_end", __doc__)
    parser.add_argument("--experiment", choices=EXPERIMENTS, required=True)
    parser.add_argument("--preset", default="cpu", help="of the experiment (default: cpu)")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="MNIST; without it, the embedded digits"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
