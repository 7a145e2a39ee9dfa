"""One process of ``benchmarks.processes``: takes a chunk of steps for every line that it reads."""

import sys
import time

from benchmarks.host_devices import use_host_devices
from benchmarks.training import Training
from benchmarks.workloads import SHAPES, Workload, workload
from cal_jax.cli.processes import Distributed, connected
from cal_jax.models.context_aware.learner import ContextAwareLearner
from experiments import black_and_white

DENSE = "context_aware_dense"


def main(model: str, size: str, batches: str, steps: str, devices: str, *place: str) -> None:
    """Take steps as told; ``place`` is the coordinator, the processes and this one's id."""
    coordinator, processes, process_id = place
    settings = Distributed("manual", coordinator, int(processes), int(process_id))
    with connected(settings if settings.processes != 1 else Distributed()):
        chosen = use_host_devices(int(devices))
        work = work_of(model, size, int(batches))
        training = Training(work, work.model, chosen)
        for _ in sys.stdin:
            started = time.perf_counter()
            training.take(int(steps))
            seconds = time.perf_counter() - started
            print("milliseconds", 1000 * seconds / int(steps), flush=True)


def work_of(model: str, size: str, batches: int) -> Workload:
    """A workload of so many of its batches, or the dense context-aware learner of preset cpu."""
    if model != DENSE:
        batch = batches * SHAPES[model, size].batch_size
        return workload(model, size, batch_size=batch)  # type: ignore[arg-type]
    preset = black_and_white.PRESETS["cpu"]
    work = workload("context_aware", size, batch_size=batches * preset.training.batch_size)
    return work._replace(model=ContextAwareLearner(preset.model, work.data[0].shape[2:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
