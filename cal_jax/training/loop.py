"""The training loop: chunks of steps that overlap with the host's work on the previous one."""

import functools
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from cal_jax.cli.processes import is_first
from cal_jax.cli.progress import Progress
from cal_jax.errors import FAILED, NotFiniteError
from cal_jax.objectives.weighting import Weights, halving_weights
from cal_jax.training import seeds
from cal_jax.training.batches import batch_rows, steps_per_epoch
from cal_jax.training.config import SeedTask, Task, TrainingConfig, optimiser_of
from cal_jax.training.multihost import largest
from cal_jax.training.parallel import parallel_chunk, replicate, unreplicate
from cal_jax.training.resume import Point, save
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import StepConfig, packed, train_step, unpacked


def advance(
    runs: Sequence[SeedTask],
    points: Sequence[Point],
    config: TrainingConfig,
    until: int,
    *,
    devices: Sequence[jax.Device],
    stop: StopSignal,
    remat: bool,
) -> list[Point]:
    """Train S seeds from their common step to the step ``until``.

    When a chunk is done, the next one starts before the first's metrics are read
    and logged and, if a checkpoint is due, its state is saved. A state is saved
    only if every metric up to it is finite.

    Args:
      runs, points: of each seed, [S].
      config: of the training.
      until: above the points' step.
      devices: of the computation.
      stop: polled between chunks.
      remat: see ``StepConfig.remat``.

    Returns:
      The point of each seed at ``until``, which is saved.

    Raises:
      NotFiniteError, SystemExit: see ``train``.
    """
    task, num_seeds = runs[0].task, len(runs)
    per_epoch = steps_per_epoch(task.num_sets, config.batch_size)
    start = _starter(runs, config, per_epoch, devices, remat)

    def rows(first: int) -> np.ndarray | None:
        """The rows of the chunk that begins at a step, [T, S, B]; None at the end."""
        if first == until:
            return None
        span = (first, min(until, first + config.chunk_steps))
        drawn = [batch_rows(run.seed, task.num_sets, config.batch_size, *span) for run in runs]
        return np.stack(drawn, axis=1)

    first = last_saved = points[0].step
    label = "training" if num_seeds == 1 else f"training {num_seeds} seeds"
    started = saved = time.monotonic()
    with Progress(config.steps, label, initial_step=first, silent=not is_first()) as progress:
        state = replicate(seeds.stack([packed(point.state) for point in points]), devices)
        following = rows(first)
        assert following is not None
        state, read = start(state, following)
        while True:
            reached = min(until, first + config.chunk_steps)
            following = rows(reached)
            jax.block_until_ready(state)
            share = (time.monotonic() - started) / num_seeds
            stopping = largest(stop.exit_code if stop.requested else 0)
            ends = bool(stopping) or following is None
            due = is_first() and time.monotonic() - saved >= config.checkpoint_seconds
            held = unreplicate(state) if ends or due else None
            done = read
            if following is not None and not ends:
                # The devices run the next chunk, which donates the state; the host works meanwhile.
                state, read = start(state, following)
            metrics = done()
            _require_finite(metrics, runs, first, last_saved)
            at = [point._replace(step=reached, seconds=point.seconds + share) for point in points]
            progress.update(reached, _logged(metrics, runs, at, per_epoch))
            if held is not None:
                at = [
                    point._replace(state=unpacked(seeds.member(held, index)))
                    for index, point in enumerate(at)
                ]
                _save(runs, at)
                saved, last_saved = time.monotonic(), reached
            if stopping:
                if is_first():
                    print(f"stopped at step {reached}; the same command resumes", file=sys.stderr)
                raise SystemExit(stopping)
            if ends:
                return at
            first = reached


def _starter(
    runs: Sequence[SeedTask],
    config: TrainingConfig,
    per_epoch: int,
    devices: Sequence[jax.Device],
    remat: bool,
) -> Callable[[Any, np.ndarray], tuple[Any, Callable[[], Any]]]:
    """``(state, rows [T, S, B]) -> (state, read)``: see ``parallel_chunk``."""
    data = seeds.together([run.task.data for run in runs])
    step = functools.partial(train_step, step_config(runs[0].task, config, per_epoch, remat))
    chunk = parallel_chunk(
        step,
        devices,
        config.chunk_form,
        longest=config.chunk_steps,
        over_seeds=functools.partial(seeds.over_seeds, data.axes, len(runs)),
    )
    keys = seeds.keys_of([run.seed for run in runs])
    on_devices = replicate(data.arrays, devices)
    return lambda state, rows: chunk(state, keys, on_devices, rows)


def step_config(task: Task, config: TrainingConfig, per_epoch: int, remat: bool) -> StepConfig:
    """The functions of a step of one seed."""

    def annealed(step: Any) -> Weights:
        epoch = (step // per_epoch).astype(np.float32)
        return halving_weights(
            epoch / config.alpha_half_life, alpha=config.alpha, kl_power=config.kl_power
        )

    def weights(step: Any) -> Weights:
        return (task.weights or annealed)(step)._replace(free_bits=config.free_bits)

    return StepConfig(
        task.mapped,
        task.criterion,
        weights,
        task.draw,
        optimiser_of(config),
        config.samples,
        task.of_sets,
        task.batch_objective,
        task.at_step,
        config.accumulate,
        remat,
    )


def _require_finite(
    metrics: dict[str, np.ndarray], runs: Sequence[SeedTask], first: int, last_saved: int
) -> None:
    bad = ~np.isfinite(metrics["loss"]) | ~np.isfinite(metrics["gradient_norm"])
    if bad.any():
        if not is_first():
            raise SystemExit(FAILED)  # process 0 reports the reason
        index, seed = (int(place) for place in np.argwhere(bad)[0])
        of_seed = f" of seed {runs[seed].seed}" if len(runs) > 1 else ""
        kept = last_saved and runs[index].folder is not None
        good = f"step {last_saved} is the last good checkpoint" if kept else "none is saved"
        raise NotFiniteError(
            f"the loss{of_seed} or its gradient is not finite at step {first + index + 1}; {good}; "
            "try a lower training.learning_rate, or --from-scratch"
        )


def _logged(
    metrics: dict[str, np.ndarray],
    runs: Sequence[SeedTask],
    points: Sequence[Point],
    per_epoch: int,
) -> dict[str, float]:
    """Record each seed's means over a chunk; return some of them, averaged over seeds."""
    record = {name: values.mean(axis=0) for name, values in metrics.items()}
    for index, (run, point) in enumerate(zip(runs, points, strict=True)):
        about = {
            "step": point.step,
            "epoch": point.step / per_epoch,
            "seconds": point.seconds,
        }
        of_seed = {**about, **seeds.member(record, index)}
        if run.folder is None:
            if run.records is not None:
                run.records.append(of_seed)
        elif is_first():
            run.folder.append_metrics(of_seed)
    terms = [name for name in record if name in ("elbo", "reconstruction") or name[:3] == "kl_"]
    return {name: float(np.sum(record[name].mean(axis=0))) for name in terms}


def _save(runs: Sequence[SeedTask], points: Sequence[Point]) -> None:
    for run, point in zip(runs, points, strict=True):
        if run.folder is not None and is_first():
            save(run.folder, run.fingerprint, point)
