"""Measures training's share of an accelerator's peak, in three precisions, and its cost.

    python -m benchmarks.accelerator --model context_aware

float32 and tensorfloat32 are JAX's default precision of matrix products and convolutions
(``jax_default_matmul_precision``); bfloat16 computes the bound in bfloat16 with float32
parameters. Each multiplies the batch until the items per second stop growing. MFU is the
model's FLOP (XLA's count of the plain form) per second, divided by the device's peak in that
precision: a table of data sheets, or ``--peak-tflops``; on a CPU, where precisions are all
alike, the measured matrix product. The cost is that of the thesis's 62,500 steps. A GPU may
take more than a minute to compile a large batch: what each gave is on stderr and in the record
at once, so that a sweep that is stopped keeps it.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import record
from benchmarks.ceiling import matmul_timer
from benchmarks.cost import memory_in_use, model_flop
from benchmarks.peaks import PRECISIONS, Precision, peak_tflops
from benchmarks.timing import spread
from benchmarks.training import Training
from benchmarks.workloads import MODELS, SHAPES, workload
from cal_jax.cli.progress import Progress
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables

THESIS_STEPS = 62_500
SATURATED = 1.05
"""A larger batch that gives fewer than so many times the items per second ends the sweep."""
LEAST_STEPS = 5
"""Of a chunk: a larger batch takes fewer steps, as many items, down to so many."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> Iterator[record.Measured]:
    """Sweep the batch in each precision; what is found so far, after every batch."""
    record.require_at_least(flags, repeats=1, steps=1, growth=2, batches=1)
    if flags.peak_tflops is not None and not flags.peak_tflops > 0:
        raise InputError(f"--peak-tflops {flags.peak_tflops}; accepted: above 0")
    device = jax.local_devices()[0]
    given, source = flags.peak_tflops, "--peak-tflops" if flags.peak_tflops else "data sheet"
    if given is None and device.platform == "cpu":
        timer = matmul_timer(flags.size)
        given, source = max(timer() for _ in range(5)) / 1000, "measured matrix product"
    peaks = {name: peak_tflops(device.device_kind, name, given) for name in flags.precisions}
    smallest = workload(flags.model, flags.size)
    variables = smallest.init(smallest.model)
    part = flags.precisions if len(flags.precisions) < len(PRECISIONS) else []
    name = "-".join(["accelerator", flags.model, *part])
    swept: dict[str, Any] = {}
    for precision in flags.precisions:
        for found in sweep(flags, precision, peaks[precision], variables):
            swept[precision] = found
            fields = {
                "model": flags.model,
                "device_kind": device.device_kind,
                "peak_tflop_per_second": peaks,
                "peak_source": source,
                "precisions": swept,
                "memory": memory_in_use(),
            }
            best = max(result["mfu"] for result in swept.values())
            yield record.Measured(name, fields, f"mfu {best:.3f}")


def sweep(
    flags: argparse.Namespace, precision: Precision, peak: float, variables: Variables
) -> Iterator[dict[str, Any]]:
    """Times at batches of 1, 2, 4, ... times the thesis's, up to the one that fills the device."""
    base = SHAPES[flags.model, flags.size].batch_size
    batches: list[dict[str, Any]] = []
    with Progress(flags.batches, f"{precision}: batches", unit="batch") as progress:
        for power in range(flags.batches):
            try:
                batch_size = base * flags.growth**power
                batches.append(timed(flags, precision, batch_size, peak, variables))
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error) or not batches:
                    raise
                yield summary(flags, batches, "out of memory")
                return
            progress.update(power + 1)
            print(json.dumps({precision: record.rounded(batches[-1])}), file=sys.stderr)
            rates = [batch["items_per_second"] for batch in batches]
            if len(rates) > 1 and rates[-1] < SATURATED * rates[-2]:
                yield summary(flags, batches, "saturated")
                return
            yield summary(flags, batches, "--batches" if power + 1 == flags.batches else "stopped")


def summary(flags: argparse.Namespace, batches: list[dict[str, Any]], ended: str) -> dict[str, Any]:
    """What is said of one precision's batches, and why there are no more."""
    hours = batches[0]["milliseconds_per_step"]["median"] * THESIS_STEPS / 3.6e6
    return {
        "batches": batches,
        "ended": ended,
        "mfu": max(batch["mfu"] for batch in batches),
        "thesis_hours": hours,
        "thesis_cost": hours * flags.price_per_hour if flags.price_per_hour else None,
    }


def timed(
    flags: argparse.Namespace,
    precision: Precision,
    batch_size: int,
    peak: float,
    variables: Variables,
) -> dict[str, Any]:
    """One batch size in one precision."""
    work = workload(flags.model, flags.size, batch_size=batch_size)
    steps = steps_of_chunk(flags, batch_size)
    dtype = jnp.bfloat16 if precision == "bfloat16" else None
    with jax.default_matmul_precision(precision if dtype is None else None):
        training = Training(work, work.model, dtype=dtype, variables=variables)
        started = time.perf_counter()
        first = training.take(steps)
        compiling = time.perf_counter() - started
        times = [training.milliseconds(steps) for _ in range(flags.repeats)]
    ms = spread(times)
    gflop = model_flop(work) / 1e9
    return {
        "batch_size": batch_size,
        "steps_in_a_chunk": steps,
        "milliseconds_per_step": ms,
        "items_per_second": 1000 * batch_size * work.shape.items / ms["median"],
        "gflop_per_step": gflop,
        "mfu": gflop / ms["median"] / peak,
        "seconds_to_start": compiling,
        "first_loss": float(first["loss"][0, 0]),
    }


def steps_of_chunk(flags: argparse.Namespace, batch_size: int) -> int:
    """``--steps`` at the smallest batch, and as many items, or ``LEAST_STEPS``, at larger ones."""
    as_many_items = flags.steps * SHAPES[flags.model, flags.size].batch_size // batch_size
    return min(flags.steps, max(LEAST_STEPS, as_many_items))


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.accelerator", __doc__)
    parser.add_argument("--model", choices=MODELS, default="context_aware")
    parser.add_argument(
        "--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS), help="only these"
    )
    parser.add_argument("--peak-tflops", type=float, help="of the device, for all the precisions")
    parser.add_argument("--price-per-hour", type=float, help="of the device, for the cost")
    parser.add_argument(
        "--growth", type=int, default=2, help="of the batch, each time (default: %(default)s)"
    )
    parser.add_argument(
        "--batches", type=int, default=7, help="that are tried, at most (default: %(default)s)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=50,
        help=f"in a chunk of the smallest batch; larger ones take fewer, {LEAST_STEPS} at least "
        "(default: %(default)s)",
    )
    parser.add_argument("--repeats", type=int, default=5, help="of a chunk (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
