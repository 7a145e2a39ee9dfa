"""A workload's training as cal_jax runs it, one chunk of steps at a time."""

import functools
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax

from benchmarks.precision import cast_parameters, compute_in
from benchmarks.timing import warm_milliseconds
from benchmarks.workloads import Workload
from cal_jax.axes import DEVICE
from cal_jax.inference.mapping import Variables, map_objective
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.training import seeds
from cal_jax.training.batches import batch_rows
from cal_jax.training.parallel import ChunkForm, parallel_chunk, replicate
from cal_jax.training.step import DataSet, StepConfig, initial_state, packed, train_step

SEED = 0


class Training:
    """The state of a model in training, and the compiled step.

    Args:
        workload: the model, its data and its optimiser.
        model: the workload's ``model`` or ``plain``.
        devices: where it runs.
        form: of a chunk; see ``benchmarks/chunk_form.py``.
        dtype: what the bound is computed in; parameters and optimiser stay float32.
        variables: that it starts from; None draws them.
    """

    def __init__(
        self,
        workload: Workload,
        model: nn.Module,
        devices: Sequence[jax.Device] | None = None,
        form: ChunkForm = "scan",
        dtype: Any = None,
        variables: Variables | None = None,
    ) -> None:
        devices = jax.local_devices()[:1] if devices is None else devices
        self.workload = workload
        self.config = step_config(workload, model, dtype)
        variables = workload.init(model) if variables is None else variables
        self.initial = jax.device_get(initial_state(variables, self.config.optimiser))
        count = workload.shape.seeds
        self._keys = seeds.keys_of(range(SEED, SEED + count))
        data = seeds.together([workload.data] * count)
        self._data = replicate(data.arrays, devices)
        state = seeds.stack([packed(self.initial)] * count)
        self._state: Any = replicate(state, devices)
        step = functools.partial(train_step, self.config)
        self._chunk = parallel_chunk(
            step,
            devices,
            form,
            over_seeds=functools.partial(seeds.over_seeds, data.axes, count),
        )

    def take(self, steps: int) -> dict[str, np.ndarray]:
        """Take so many steps on the same rows every time; metrics [steps, seeds] on the host."""
        rows = self._rows_of_seeds(steps)
        self._state, read = self._chunk(self._state, self._keys, self._data, rows)
        return read()

    def program(self, steps: int) -> str:
        """The text of the compiled program that ``take`` runs."""
        rows = self._rows_of_seeds(steps)
        lowered = self._chunk.lower(self._state, self._keys, self._data, rows)
        return lowered.compile().as_text() or ""

    @functools.cached_property
    def first_metrics(self) -> dict[str, float]:
        """Of the first step of every seed, which this takes; it compiles a chunk of one step.

        Asked for after ``take``, it would be another step's.
        """
        return {name: float(np.sum(values[0])) for name, values in self.take(1).items()}

    def rows(self, steps: int) -> np.ndarray:
        """The rows of ``take``, of every seed, int32 [steps, B]."""
        batch = self.workload.shape.batch_size
        return batch_rows(SEED, len(self.workload.data[0]), batch, 0, steps)

    def _rows_of_seeds(self, steps: int) -> np.ndarray:
        """The same for every seed, int32 [steps, seeds, B]."""
        return np.repeat(self.rows(steps)[:, None], self.workload.shape.seeds, axis=1)

    def milliseconds(self, steps: int) -> float:
        """Of one step of all seeds, in a chunk of so many after one that is not timed."""
        return warm_milliseconds(lambda: self.take(steps), steps)


def step_config(workload: Workload, model: nn.Module, dtype: Any = None) -> StepConfig:
    """The functions of a training step of a workload; see ``Training``."""
    adam = optax.adam(workload.learning_rate)
    clip, objective = workload.clip, workload.objective
    if dtype is not None:
        objective = compute_in(dtype, objective)
    mapped = map_objective(objective, model, extra_axes=(DEVICE,))
    return StepConfig(
        mapped=mapped if dtype is None else cast_parameters(dtype, mapped),
        criterion=weighted_objective,
        weights=lambda _: workload.weights,
        draw=lambda _, data, row: DataSet(tuple(array[row] for array in data)),
        optimiser=adam if clip is None else optax.chain(optax.clip(clip), adam),
        samples=workload.shape.samples,
        of_sets=workload.of_sets,
    )
