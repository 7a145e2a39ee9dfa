"""Data parallelism: the only file that knows ``jax.pmap``.

A run on one device takes the same path as a run on many. State and data are
replicated; the rows of a batch are divided.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError

Step = Callable[[Any, Array, Any, Array], tuple[Any, Any]]
ChunkForm = Literal["calls", "scan"]


def choose_devices(count: int | None) -> list[jax.Device]:
    """The first ``count`` local devices, or all of them.

    Raises:
      InputError: where there are fewer.
    """
    devices = jax.local_devices()
    if count is None:
        return devices
    if not 1 <= count <= len(devices):
        raise InputError(f"--devices {count}: accepted are 1 to {len(devices)} on this machine")
    return devices[:count]


def replicate(tree: Any, devices: Sequence[jax.Device]) -> Any:
    """A copy of every leaf on each device, as one array with a leading axis [D]."""
    copy = jax.pmap(lambda _, leaf: leaf, in_axes=(0, None), axis_name=DEVICE, devices=devices)
    index = np.arange(len(devices))
    return jax.tree.map(lambda leaf: copy(index, leaf), tree)


def unreplicate(tree: Any) -> Any:
    """The first device's copy of every leaf, on the host."""
    return jax.tree.map(lambda leaf: np.asarray(leaf[0]), tree)


def divide(rows: np.ndarray, num_devices: int) -> np.ndarray:
    """Rows [T, B] as [D, T, B / D].

    Raises:
      InputError: where the batch does not divide evenly.
    """
    steps, batch = rows.shape
    if batch % num_devices:
        raise InputError(f"a batch of {batch} data sets does not divide over {num_devices} devices")
    return rows.reshape(steps, num_devices, batch // num_devices).swapaxes(0, 1)


def parallel_chunk(
    step: Step, devices: Sequence[jax.Device], form: ChunkForm
) -> Callable[[Any, Array, Any, np.ndarray], tuple[Any, Any]]:
    """A function that takes many steps: ``(state, key, data, rows [T, B]) -> (state, metrics)``.

    State is donated. Nothing is read back from the devices inside a chunk; the
    metrics are those of each step, [T] on the host.

    Args:
      step: ``(state, key, data, rows [B / D]) -> (state, metrics)``, mapped over "device".
      devices: where it runs.
      form: "calls" repeats the compiled step; "scan" is one ``lax.scan``.
        Which is faster is measured by ``benchmarks/chunk_form.py``.

    Raises:
      InputError: for an unknown form.
    """
    if form not in ("calls", "scan"):
        raise InputError(f"chunk form must be 'calls' or 'scan': got {form!r}")

    def steps(state: Any, key: Array, data: Any, rows: Array) -> tuple[Any, Any]:
        return jax.lax.scan(lambda state, rows: step(state, key, data, rows), state, rows)

    mapped = jax.pmap(
        steps if form == "scan" else step,
        axis_name=DEVICE,
        in_axes=(0, None, 0, 0),
        donate_argnums=0,
        devices=devices,
    )

    def run(state: Any, key: Array, data: Any, rows: np.ndarray) -> tuple[Any, Any]:
        divided = divide(rows, len(devices))
        if form == "scan":
            state, metrics = mapped(state, key, data, divided)
            return state, unreplicate(metrics)
        each = []
        for index in range(divided.shape[1]):
            state, metrics = mapped(state, key, data, divided[:, index])
            each.append(metrics)
        return state, jax.tree.map(lambda *m: np.stack(m), *map(unreplicate, each))

    return run
