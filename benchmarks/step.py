"""Measures the time of a training step, and its share of the machine's peak.

    python -m benchmarks.step --model context_aware

Times cal_jax's step beside the plain Flax form of the same model and beside a matrix
product, interleaved in one process; checks first that both forms have one loss and one
gradient norm. Compile time stands apart, without and with the persistent cache. FLOP are
XLA's count of the plain form, outside any loop. ``MODEL_vs_plain_flax`` is our time divided
by the plain form's; ``MODEL_share_of_ceiling`` our FLOP per second divided by the matrix
product's.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import jax

from benchmarks import record
from benchmarks.agreement import require_agreement
from benchmarks.ceiling import bandwidth_timer, matmul_timer, measured_ceiling, roofline
from benchmarks.compilation import compile_time, empty_cache
from benchmarks.cost import lowered_step, memory_in_use, model_flop, program_cost
from benchmarks.host_devices import add_host_devices, devices_of
from benchmarks.timing import add_race_flags, chunk_steps, interleaved, median_ratio, spread
from benchmarks.training import Training
from benchmarks.workloads import Workload, workload


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return record.run(_parser(), arguments, measure)


def measure(flags: argparse.Namespace) -> record.Measured:
    """Compile, compare the losses, and time."""
    record.require_at_least(flags, repeats=1, steps=1)
    devices = devices_of(flags)
    work = workload(flags.model, flags.size)
    ours, compilation = _compiled(work, devices)
    plain = Training(work, work.plain, form="calls")
    parity = require_agreement("plain Flax", plain.first_metrics, ours.first_metrics)

    timers = {
        "cal_jax": lambda: ours.milliseconds(chunk_steps(flags)),
        "plain_flax": lambda: plain.milliseconds(chunk_steps(flags)),
        "matmul": matmul_timer(flags.size),
        "bandwidth": bandwidth_timer(flags.size),
    }
    found = interleaved(timers, flags.repeats, f"timing {flags.model}")
    times = {name: spread(found[name]) for name in ("cal_jax", "plain_flax")}
    ceiling = measured_ceiling(found["matmul"], found["bandwidth"])
    gflop = model_flop(work) / 1e9
    cost = program_cost(lowered_step(work, work.model).compile())
    ms = times["cal_jax"]["median"]
    gflops = ceiling["matmul_gflop_per_second"]["median"]
    share = f"{flags.model}_share_of_ceiling"
    fields = {
        "model": flags.model,
        "shape": vars(work.shape),
        "devices": len(devices),
        "steps_in_a_chunk": chunk_steps(flags),
        "milliseconds_per_step": times,
        f"{flags.model}_vs_plain_flax": median_ratio(found["cal_jax"], found["plain_flax"]),
        share: gflop / (ms / 1000) / gflops,
        "parity": parity,
        "compile_seconds": compilation,
        "model_gflop_per_step": gflop,
        "gflop_per_second": gflop / (ms / 1000),
        "ceiling": ceiling,
        "program": cost,
        "roofline": roofline(
            gflop,
            cost["bytes_accessed"] / 1e9,
            ms,
            gflops,
            ceiling["bandwidth_gigabytes_per_second"]["median"],
        ),
        "memory": memory_in_use(),
    }
    return record.Measured(f"step-{flags.model}", fields, f"{share} {fields[share]:.3f}")


def _compiled(work: Workload, devices: list[jax.Device]) -> tuple[Training, dict[str, Any]]:
    """The training, its first step taken, and the seconds to compile it: cold, from the cache."""
    seconds: dict[str, Any] = {}
    with empty_cache():
        for name in ("cold", "cached"):
            jax.clear_caches()
            ours = Training(work, work.model, devices)
            with compile_time() as counted:
                _ = ours.first_metrics
            seconds |= {name: counted.seconds, f"{name}_parts": counted.parts}
    return ours, seconds


def _parser() -> argparse.ArgumentParser:
    parser = record.parser("benchmarks.step", __doc__)
    add_race_flags(parser)
    add_host_devices(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
