"""Compares a training step with PyTorch's of the same model.

    python -m benchmarks.versus_pytorch --model context_aware --repeats 5

Needs the extra ``benchmarks``. The PyTorch twin starts from the same weights; on one batch
with one noise, its loss must be that of cal_jax's step to 1e-4 (its gradient's norm to
1e-3), or nothing is timed. Then whole training steps are timed, interleaved in one process:
a batch is taken from data on the device, noise is drawn, forward, backward, Adam. PyTorch
runs eager and compiled, images in its own layout and channels_last, with all cores, as JAX
has. ``MODEL_vs_pytorch``, the last line, is our time divided by that of the best of its
forms: below 1 we are quicker. Where JAX has a GPU, both run there, from CUDA graphs where
PyTorch compiles, and the number is ``MODEL_vs_pytorch_gpu``, or
``MODEL_vs_pytorch_gpu_tensorfloat32`` with ``--precision tensorfloat32``.
"""

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax

from benchmarks import record
from benchmarks.adam_alone import adam_timer
from benchmarks.agreement import require_agreement
from benchmarks.extra import require_torch
from benchmarks.host_devices import add_host_devices, devices_of
from benchmarks.timing import add_race_flags, chunk_steps, interleaved, median_ratio, spread
from benchmarks.training import Training
from benchmarks.workloads import Workload, workload

NO_IMAGES = "no convolution, so one layout"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Check the parity, then time."""
    require_torch()
    record.require_at_least(flags, repeats=1, steps=1, threads=1)
    import torch

    from benchmarks.twins.beside import precision_of_both

    devices = devices_of(flags)
    torch.set_num_threads(flags.threads or os.cpu_count() or 1)
    torch.manual_seed(0)
    work = workload(flags.model, flags.size)
    with precision_of_both(flags.precision):
        ours = Training(work, work.model, devices)
        racers, parity, absent = _racers(work, ours, compiled=not flags.no_compile)
        steps = chunk_steps(flags)
        rows = ours.rows(steps)
        timers: dict[str, Callable[[], float]] = {
            "cal_jax": functools.partial(ours.milliseconds, steps),
            **{name: functools.partial(racer.milliseconds, rows) for name, racer in racers.items()},
            "cal_jax_adam": adam_timer(ours, devices, steps),
            "pytorch_adam": functools.partial(racers["eager"].adam_milliseconds, steps),
        }
        found = interleaved(timers, flags.repeats, f"racing {flags.model}")
    times = {name: spread(values) for name, values in found.items()}
    adam = {name: times.pop(f"{name}_adam") for name in ("cal_jax", "pytorch")}
    best = min(racers, key=lambda name: times[name]["median"])
    ratio = median_ratio(found["cal_jax"], found[best])
    platform = jax.default_backend()
    where = [] if platform == "cpu" else [platform]
    if where and flags.precision != "float32":
        where.append(flags.precision)
    name = "_".join([f"{flags.model}_vs_pytorch", *where])
    fields = {
        "model": flags.model,
        "shape": vars(work.shape),
        "devices": len(devices),
        "precision": flags.precision,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "steps_in_a_chunk": chunk_steps(flags),
        "parity": parity,
        "milliseconds_per_step": {**times, **dict.fromkeys(absent)},
        "adam_milliseconds": adam,
        "not_run": absent,
        "best_pytorch": best,
        name: ratio,
    }
    program = "-".join(["versus_pytorch", flags.model, *where])
    return record.Measured(program, fields, f"{name} {ratio:.3f}")


def _racers(
    work: Workload, ours: Training, *, compiled: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """PyTorch's forms that run, their parity with cal_jax, and why others do not run."""
    from benchmarks.twins.racers import FORMS, Racer

    variables = {"params": ours.initial.params, "batch_stats": ours.initial.batch_stats}
    rows = ours.rows(1)[0]
    racers: dict[str, Any] = {}
    parity: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for form in FORMS:
        if form.endswith("channels_last") and work.name != "context_aware":
            absent[form] = NO_IMAGES
            continue
        if form.startswith("compile") and not compiled:
            absent[form] = "--no-compile"
            continue
        racer = Racer(work, variables, form)
        try:
            metrics = racer.first_metrics(rows)
        except Exception as error:
            if not form.startswith("compile"):
                raise
            absent[form] = f"torch.compile: {type(error).__name__}"
            continue
        parity[form] = require_agreement(f"PyTorch ({form})", metrics, ours.first_metrics)
        racers[form] = racer
    return racers, parity, absent


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.versus_pytorch", __doc__)
    add_race_flags(parser)
    parser.add_argument("--threads", type=int, help="of PyTorch (default: one a core)")
    parser.add_argument(
        "--precision",
        choices=["float32", "tensorfloat32"],
        default="float32",
        help="of products on a GPU, in both (default: %(default)s)",
    )
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    add_host_devices(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
