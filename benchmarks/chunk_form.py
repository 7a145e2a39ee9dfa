"""Is a chunk of training faster as one scan or as repeated calls of the step?

    python -m benchmarks.chunk_form --image-network convolutional

Interleaves the two forms in one process on random images, and prints JSON:
the milliseconds a step takes in each, and the median ratio. On a CPU the
gradients of XLA's convolutions are slow inside a loop, so "calls" wins there
for convolutional models, and "scan" for dense ones.
"""

import argparse
import functools
import json
import statistics
import time
from typing import Any

import jax
import numpy as np
import optax

from cal_jax.axes import DEVICE
from cal_jax.mapping import init_variables, map_objective
from cal_jax.models.context_aware import ContextAwareConfig, ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.weighting import Weights, weighted_objective
from cal_jax.provenance import device_description, versions
from cal_jax.training.parallel import ChunkForm, choose_devices, parallel_chunk, replicate
from cal_jax.training.step import DataSet, StepConfig, initial_state, train_step

FORMS: tuple[ChunkForm, ...] = ("calls", "scan")


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image-network", choices=["dense", "convolutional"], default="dense")
    parser.add_argument("--image-size", type=int, default=28)
    parser.add_argument("--batch-size", type=int, default=32, help="data sets in a step")
    parser.add_argument("--set-size", type=int, default=10, help="items in a data set")
    parser.add_argument("--steps", type=int, default=10, help="steps in a chunk")
    parser.add_argument("--repeats", type=int, default=5, help="interleaved repeats")
    parser.add_argument("--devices", type=int, help="how many to use (default: all)")
    flags = parser.parse_args()
    times = measure(flags)
    ratios = [scan / calls for scan, calls in zip(times["scan"], times["calls"], strict=True)]
    result = {
        **vars(flags),
        "device": device_description(),
        "versions": versions(),
        "milliseconds_per_step": {form: statistics.median(times[form]) for form in FORMS},
        "scan_over_calls": statistics.median(ratios),
    }
    print(json.dumps(result, indent=2))


def measure(flags: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds per step of each form, one entry a repeat; compilation is left out."""
    config = ContextAwareConfig(image_network=flags.image_network, image_size=flags.image_size)
    model = ContextAwareLearner(config)
    rng = np.random.default_rng(0)
    shape = (flags.batch_size, flags.set_size, flags.image_size, flags.image_size)
    x = (rng.random(shape) < 0.3).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)[np.arange(flags.batch_size) % 2]
    variables = init_variables(context_aware_elbo, model, jax.random.key(0), x[0], labels[0])
    optimiser = optax.adam(3e-4)
    step = StepConfig(
        map_objective(context_aware_elbo, model, extra_axes=(DEVICE,)),
        weighted_objective,
        lambda _: Weights(),
        lambda key, data, row: DataSet((data[0][row], data[1][row])),
        optimiser,
    )
    devices = choose_devices(flags.devices)
    data = replicate((x, labels), devices)
    rows = np.tile(np.arange(flags.batch_size, dtype=np.int32), (flags.steps, 1))
    chunks = {
        form: parallel_chunk(functools.partial(train_step, step), devices, form) for form in FORMS
    }

    def run(form: ChunkForm) -> float:
        state: Any = replicate(initial_state(variables, optimiser), devices)
        started = time.perf_counter()
        chunks[form](state, jax.random.key(1), data, rows)
        return 1000 * (time.perf_counter() - started) / flags.steps

    for form in FORMS:
        run(form)
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    for _ in range(flags.repeats):
        for form in FORMS:
            times[form].append(run(form))
    return times


if __name__ == "__main__":
    main()
