"""FLOP, bytes and memory of a step, from XLA's cost analysis."""

import functools
import resource
import sys
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from benchmarks.training import SEED, step_config
from benchmarks.workloads import Workload
from cal_jax.axes import DEVICE
from cal_jax.training.step import initial_state, packed, train_step


def lowered_step(workload: Workload, model: nn.Module) -> jax.stages.Lowered:
    """One step on one device, outside any loop, lowered and not compiled."""
    config = step_config(workload, model)
    state = jax.eval_shape(lambda: packed(initial_state(workload.init(model), config.optimiser)))
    data = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), workload.data)
    rows = jax.ShapeDtypeStruct((1, workload.shape.batch_size), jnp.int32)
    mapped = jax.vmap(
        functools.partial(train_step, config), in_axes=(None, None, None, 0), axis_name=DEVICE
    )

    def step(*arguments: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[0], mapped(*arguments))

    return jax.jit(step, donate_argnums=0).lower(state, jax.random.key(SEED), data, rows)


def model_flop(workload: Workload) -> float:
    """FLOP of a step of the plain form, as XLA:CPU counts them before it optimises.

    The plain form's, so that work which another form adds earns no credit; outside
    a loop, whose body XLA counts once. XLA for accelerators does not count.
    """
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        cost: Any = lowered_step(workload, workload.plain).cost_analysis()
    return float(cost["flops"])


def program_cost(compiled: jax.stages.Compiled) -> dict[str, Any]:
    """Bytes that a compiled step reads and writes, and the memory that it asks for.

    Returns:
        bytes_accessed: of all instructions after fusion, caches left out of account.
        peak_bytes: arguments, temporaries and outputs that reuse no argument.
    """
    memory: Any = compiled.memory_analysis()
    cost: Any = compiled.cost_analysis()
    fields = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    peak = sum(getattr(memory, name) for name in fields) - memory.alias_size_in_bytes
    return {"bytes_accessed": float(cost["bytes accessed"]), "peak_bytes": peak}


def memory_in_use() -> dict[str, int | None]:
    """The most memory so far: of the process on the host, of the first device (None: a CPU)."""
    # Linux counts kibibytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    statistics = jax.local_devices()[0].memory_stats()
    device = None if statistics is None else statistics.get("peak_bytes_in_use")
    return {"host_process_bytes": host, "device_bytes": device}
