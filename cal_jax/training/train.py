"""Training of one seed, or several together, with resuming from their folders."""

from collections.abc import Sequence
from typing import Any

import jax

from cal_jax.inference.mapping import Variables
from cal_jax.training.config import SeedTask, Trained, TrainingConfig, optimiser_of
from cal_jax.training.loop import advance
from cal_jax.training.multihost import together
from cal_jax.training.parallel import require_divisible
from cal_jax.training.resume import resumed
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import initial_state


def train(
    runs: Sequence[SeedTask],
    config: TrainingConfig,
    *,
    devices: Sequence[jax.Device],
    stop: StopSignal,
    until: int | None = None,
    revision: str | None = None,
    remat: bool = False,
) -> list[Trained]:
    """Train to a step, from the newest checkpoint of each folder or from the start.

    A resumed run takes the same steps, bit for bit, as an uninterrupted
    one: keys and batches are functions of the seed and the step. With several
    processes, all call this alike; process 0 alone reads and writes the
    folders, and a signal to one stops all at the same step.

    Seeds at the same step are trained together, as one program; those that are
    behind catch up first. Each equals a run alone, up to rounding. Their
    tasks differ in initial variables and data only.

    Args:
      runs: a task for each seed, with a folder of its own.
      config: of the training.
      devices: of the computation.
      stop: polled between chunks.
      until: the last step; later runs are unchanged. None: ``config.steps``.
      revision: of the source, kept with the checkpoints of a run that starts now.
      remat: see ``StepConfig.remat``; it changes nothing but the rounding.

    Raises:
      InputError: a batch that does not divide over the devices; a checkpoint of
        another config, or damaged ones.
      NotFiniteError: the loss became NaN or infinite; the last checkpoint stands.
      SystemExit: a signal asked for a stop; the state is saved.
    """
    together(lambda: require_divisible(config.batch_size, len(devices)))
    optimiser = optimiser_of(config)
    initial = [
        jax.device_get(initial_state(run.task.init(), optimiser, run.task.batch_objective.memory))
        for run in runs
    ]
    points = [resumed(run, state, revision) for run, state in zip(runs, initial, strict=True)]
    last = config.steps if until is None else until
    while behind := [index for index, point in enumerate(points) if point.step < last]:
        step = min(points[index].step for index in behind)
        level_with = min(
            (points[index].step for index in behind if points[index].step > step), default=last
        )
        level = [index for index in behind if points[index].step == step]
        moved = advance(
            [runs[index] for index in level],
            [points[index] for index in level],
            config,
            level_with,
            devices=devices,
            stop=stop,
            remat=remat,
        )
        for index, point in zip(level, moved, strict=True):
            points[index] = point
    return [
        Trained(
            point.step,
            _variables(point.state),
            _variables(state),
            point.seconds,
            point.revision,
            run.records or [],
            point.state.memory,
        )
        for run, point, state in zip(runs, points, initial, strict=True)
    ]


def _variables(state: Any) -> Variables:
    return {"params": state.params, "batch_stats": state.batch_stats}
