"""Data parallelism; the only module that uses ``jax.pmap``.

One device and many, in one process or several, run the same code. State and data
are replicated; the rows of a batch are divided. Every process gets the whole
batch and takes its own devices' part; of an array [D, ...] it holds their rows.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.errors import InputError

Step = Callable[[Any, Array, Any, Array], tuple[Any, Any]]
ChunkForm = Literal["calls", "scan"]
OverSeeds = Callable[..., Callable[..., Any]]
"""(a step or a loop of steps of one seed, axes before that of the seeds) -> that of all."""


def choose_devices(count: int | None) -> list[jax.Device]:
    """The first ``count`` devices of every process, or all of them, process by process.

    Raises:
      InputError: where this process has fewer.
    """
    most = jax.local_device_count()
    if count is not None and not 1 <= count <= most:
        raise InputError(f"--devices {count}: accepted are 1 to {most} on this machine")
    of_process: dict[int, list[jax.Device]] = {}
    for device in jax.devices():
        of_process.setdefault(device.process_index, []).append(device)
    return [device for index in sorted(of_process) for device in of_process[index][:count]]


def replicate(tree: Any, devices: Sequence[jax.Device]) -> Any:
    """A copy of every leaf on each device, as one array with a leading axis [D]."""
    copy = jax.pmap(lambda _, leaf: leaf, in_axes=(0, None), axis_name=DEVICE, devices=devices)
    index = np.arange(len(_own(devices)))
    return jax.tree.map(lambda leaf: copy(index, leaf), tree)


def unreplicate(tree: Any) -> Any:
    """The copy of every leaf on this process's first device, on the host.

    It is the caller's own: a later donation of the leaf leaves it as it is.
    """
    return jax.tree.map(lambda leaf: np.array(np.asarray(leaf.addressable_data(0))[0]), tree)


def divide(rows: np.ndarray, num_devices: int) -> np.ndarray:
    """Rows [T, ..., B] as [D, T, ..., B / D].

    Raises:
      InputError: where the batch does not divide evenly.
    """
    *outer, batch = rows.shape
    require_divisible(batch, num_devices)
    return np.moveaxis(rows.reshape(*outer, num_devices, batch // num_devices), -2, 0)


def require_divisible(batch: int, num_devices: int) -> None:
    """Refuse a batch that does not divide evenly over the devices.

    Raises:
      InputError: where they cannot.
    """
    if batch % num_devices:
        raise InputError(f"a batch of {batch} data sets does not divide over {num_devices} devices")


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A chunk of steps: ``chunk(state, key, data, rows [T, ..., B]) -> (state, read)``.

    It returns at once; ``read()`` waits and returns the metrics of each step,
    [T, ...] on the host. State is donated, and nothing is read from the devices
    inside a chunk. See ``parallel_chunk``.
    """

    mapped: Any
    """Over the devices: a loop of steps, or a step."""
    devices: Sequence[jax.Device]
    looped: bool
    """Whether ``mapped`` is a loop of steps."""
    longest: int
    """T of the longest chunk, whose loop shorter ones share; 0: each has its own."""

    def __call__(
        self, state: Any, key: Array, data: Any, rows: np.ndarray
    ) -> tuple[Any, Callable[[], Any]]:
        """Start the steps."""
        count, each = len(rows), []
        for given in self._calls(rows):
            state, metrics = self.mapped(state, key, data, *given)
            each.append(metrics)
        if self.looped:
            return state, lambda: jax.tree.map(lambda leaf: leaf[:count], unreplicate(each[0]))
        return state, lambda: jax.tree.map(lambda *m: np.stack(m), *map(unreplicate, each))

    def lower(self, state: Any, key: Array, data: Any, rows: np.ndarray) -> jax.stages.Lowered:
        """The program that runs for these arguments."""
        given = self._calls(rows)[0]
        lowered: jax.stages.Lowered = self.mapped.lower(state, key, data, *given)
        return lowered

    def _calls(self, rows: np.ndarray) -> list[tuple[Any, ...]]:
        """The arguments of each call: the rows of a step, or a loop's rows and their number."""
        count = len(rows)
        if self.looped:
            padding = np.zeros((max(count, self.longest) - count, *rows.shape[1:]), rows.dtype)
            rows = np.concatenate([rows, padding])
        divided = divide(rows, len(self.devices))[_own(self.devices)]
        if self.looped:
            return [(divided, np.int32(count))]
        return [(divided[:, index],) for index in range(count)]


def parallel_chunk(
    step: Step,
    devices: Sequence[jax.Device],
    form: ChunkForm,
    *,
    longest: int | None = None,
    over_seeds: OverSeeds = lambda function, before=0: function,
) -> Chunk:
    """A ``Chunk`` of training steps on several devices.

    Args:
      step: ``(state, key, data, rows [..., B / D]) -> (state, metrics)``, mapped
        over "device".
      devices: where it runs.
      form: "calls" repeats the compiled step; "scan" is one loop on the device.
        Which is faster is measured by ``benchmarks/chunk_form.py``.
      longest: T of the longest chunk: shorter ones run in the same compiled
        loop. None: each T has a loop of its own.
      over_seeds: of ``training.seeds``, of which the axes and the count are given;
        left out: nothing has an axis of seeds.

    Raises:
      InputError: for an unknown form.
    """
    if form not in ("calls", "scan"):
        raise InputError(f"chunk form must be 'calls' or 'scan': got {form!r}")

    def steps(state: Any, key: Array, data: Any, rows: Array, count: Array) -> tuple[Any, Any]:
        traced = jax.jit(step)  # once, for its shapes and for the loop

        def body(index: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            state, kept = carry
            state, metrics = traced(state, key, data, rows[index])
            return state, jax.tree.map(lambda all_, one: all_.at[index].set(one), kept, metrics)

        one = jax.eval_shape(traced, state, key, data, rows[0])[1]
        kept = jax.tree.map(lambda leaf: jnp.zeros((len(rows), *leaf.shape), leaf.dtype), one)
        return jax.lax.fori_loop(0, count, body, (state, kept))

    looped = form == "scan"
    mapped = jax.pmap(
        over_seeds(steps, 1) if looped else over_seeds(step),
        axis_name=DEVICE,
        in_axes=(0, None, 0, 0, None) if looped else (0, None, 0, 0),
        donate_argnums=0,
        devices=devices,
    )
    return Chunk(mapped, devices, looped, longest or 0)


def _own(devices: Sequence[jax.Device]) -> list[int]:
    """This process's devices among the given ones."""
    here = jax.process_index()
    return [index for index, device in enumerate(devices) if device.process_index == here]
