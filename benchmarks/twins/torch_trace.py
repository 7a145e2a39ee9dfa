"""Profile of a PyTorch twin's step, from PyTorch's profiler."""

import time

import numpy as np
from torch.profiler import ProfilerActivity, profile

from benchmarks.twins.racers import Racer


def aten_times(racer: Racer, rows: np.ndarray) -> tuple[float, dict[str, float]]:
    """Seconds of the wall, and own seconds of each operation by its name, of all of the steps.

    They are taken twice; the first time, in which the profiler starts up, does not count.

    Args:
        racer: on a CPU.
        rows: [T, B], of T steps.
    """
    with profile(activities=[ProfilerActivity.CPU]):
        racer.take(rows)
    started = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as traced:
        racer.take(rows)
    wall = time.perf_counter() - started
    return wall, {event.key: event.self_cpu_time_total / 1e6 for event in traced.key_averages()}
