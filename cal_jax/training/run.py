"""A training run in its folder: resumes, logs, checkpoints and stops between chunks of steps."""

import functools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import numpy as np
import optax

from cal_jax.configuration import differences
from cal_jax.errors import InputError, NotFiniteError
from cal_jax.mapping import Variables
from cal_jax.objectives.weighting import Weights, halving_weights
from cal_jax.progress import Progress
from cal_jax.run_folder import RunFolder
from cal_jax.training import checkpoints
from cal_jax.training.batches import batch_rows, steps_per_epoch
from cal_jax.training.parallel import ChunkForm, parallel_chunk, replicate, unreplicate
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import (
    DataSet,
    StepConfig,
    TrainState,
    initial_state,
    mean_over_samples,
    train_step,
)

Schedule = Literal["constant", "cosine"]
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is optimised; the defaults are thesis 6.4.1's."""

    steps: int = 62_500
    """100 epochs of 20,000 data sets in batches of 32."""
    batch_size: int = 32
    """Data sets in a step, over all devices."""
    learning_rate: float = 3e-4
    """Adam's."""
    schedule: Schedule = "constant"
    """constant, or cosine: from the learning rate to a fiftieth of it."""
    alpha: float = 1.0
    """(6.13): omega = 1 + alpha; 0 optimises the bound from the start."""
    alpha_half_life: float = 1.0
    """Epochs after which alpha has halved."""
    kl_power: int = 2
    """2 for the context-aware learner's criterion (6.13), 1 for the statistician's (5.14)."""
    clip: float | None = None
    """Gradients are clipped element-wise to [-clip, clip]; None: not at all."""
    samples: int = 1
    """Monte Carlo samples of each data set."""
    chunk_steps: int = 100
    """Steps between two looks at the metrics, the clock and the signals."""
    chunk_form: ChunkForm = "calls"
    """calls or scan: see ``benchmarks/chunk_form.py``."""
    checkpoint_seconds: float = 60.0
    """A checkpoint is due when this long has passed since the last."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "samples", "chunk_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"training.{name} must be at least 1: got {getattr(self, name)}")
        if self.schedule not in get_args(Schedule):
            raise InputError(f"training.schedule must be constant or cosine: got {self.schedule!r}")
        if not self.learning_rate > 0 or not self.alpha_half_life > 0:
            raise InputError("training.learning_rate and alpha_half_life must be positive")
        if not self.alpha >= 0:
            raise InputError(f"training.alpha must be 0 or more: got {self.alpha}")
        if self.kl_power not in (1, 2):
            raise InputError(f"training.kl_power must be 1 or 2: got {self.kl_power}")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"training.clip must be positive, or None: got {self.clip}")


class Task(NamedTuple):
    """What is trained on what; the functions are pure."""

    init: Callable[[], Variables]
    mapped: Callable[..., tuple[Any, Any]]
    """See ``StepConfig.mapped``."""
    criterion: Callable[[Any, Weights], Any]
    draw: Callable[[Any, Any, Any], DataSet]
    data: Any
    """Arrays that ``draw`` reads; copied to every device once."""
    num_sets: int
    of_sets: bool = True
    """See ``StepConfig.of_sets``."""
    over_samples: Callable[[Any], Any] = mean_over_samples
    """See ``StepConfig.over_samples``."""


class Trained(NamedTuple):
    """The end of a run."""

    variables: Variables
    initial_variables: Variables
    seconds: float
    """Of training, over all the sittings."""
    revision: str | None
    """Of the source in the first sitting; None where it is unknown."""


def optimiser_of(config: TrainingConfig) -> optax.GradientTransformation:
    """Adam with the config's learning rate and schedule, after clipping."""
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = optax.cosine_decay_schedule(rate, config.steps, 0.02)
    adam = optax.adam(rate)
    return adam if config.clip is None else optax.chain(optax.clip(config.clip), adam)


def train(
    folder: RunFolder,
    config: TrainingConfig,
    task: Task,
    *,
    seed: int,
    devices: Sequence[jax.Device],
    fingerprint: dict[str, Any],
    stop: StopSignal,
    revision: str | None = None,
) -> Trained:
    """Train to ``config.steps``, from the newest checkpoint of the folder or from the start.

    A stopped and resumed run takes the same steps, bit for bit, as an unbroken
    one: keys and batches are functions of the seed and the step.

    Args:
      folder: where metrics and checkpoints go.
      config, task: how and what.
      seed: of the parameters, the noise and the order of the data sets.
      devices: where it runs.
      fingerprint: flat config and data of the whole run; a checkpoint with
        another one is refused.
      stop: asked between chunks.
      revision: of the source, kept with the checkpoints of a run that starts now.

    Raises:
      InputError: a checkpoint of another config, or damaged ones.
      NotFiniteError: the loss became NaN or infinite; the last checkpoint stands.
      SystemExit: a signal asked for a stop; the state is saved.
    """
    optimiser = optimiser_of(config)
    per_epoch = steps_per_epoch(task.num_sets, config.batch_size)

    def weights(step: Any) -> Weights:
        epoch = (step // per_epoch).astype(np.float32)
        return halving_weights(
            epoch / config.alpha_half_life, alpha=config.alpha, kl_power=config.kl_power
        )

    step_config = StepConfig(
        task.mapped,
        task.criterion,
        weights,
        task.draw,
        optimiser,
        config.samples,
        task.of_sets,
        task.over_samples,
    )
    chunk = parallel_chunk(functools.partial(train_step, step_config), devices, config.chunk_form)
    initial = jax.device_get(initial_state(task.init(), optimiser))
    step, host_state, spent, revision = _resumed(folder, initial, fingerprint, revision)
    initial_variables = _variables(initial)
    if step >= config.steps:
        return Trained(_variables(host_state), initial_variables, spent, revision)

    key = jax.random.key(seed)
    data = replicate(task.data, devices)
    state = replicate(host_state, devices)
    started = saved = time.monotonic()
    last_saved = step

    def save(state: Any, step: int) -> None:
        seconds = spent + time.monotonic() - started
        extra = {"seconds": seconds, "config": fingerprint, "revision": revision}
        checkpoints.save(folder.resolve(CHECKPOINTS), step, unreplicate(state), extra=extra)

    with Progress(config.steps, "training", initial_step=step) as progress:
        while step < config.steps:
            until = min(config.steps, step + config.chunk_steps)
            rows = batch_rows(seed, task.num_sets, config.batch_size, step, until)
            state, metrics = chunk(state, key, data, rows)
            _require_finite(metrics, step, last_saved)
            step = until
            elapsed = spent + time.monotonic() - started
            record = {name: values.mean(axis=0) for name, values in metrics.items()}
            folder.append_metrics(
                {"step": step, "epoch": step / per_epoch, "seconds": elapsed, **record}
            )
            progress.update(step, _shown(record))
            stopping = stop.requested
            due = time.monotonic() - saved >= config.checkpoint_seconds
            if due or stopping or step == config.steps:
                save(state, step)
                saved, last_saved = time.monotonic(), step
            if stopping:
                print(f"stopped at step {step}; the same command resumes", file=sys.stderr)
                raise SystemExit(stop.exit_code)
    elapsed = spent + time.monotonic() - started
    return Trained(_variables(unreplicate(state)), initial_variables, elapsed, revision)


def _resumed(
    folder: RunFolder, initial: TrainState, fingerprint: dict[str, Any], revision: str | None
) -> tuple[int, TrainState, float, str | None]:
    """Steps taken, state, seconds spent and source of the newest checkpoint, or of the start."""
    directory = folder.resolve(CHECKPOINTS)
    extra = checkpoints.read_extra(directory)
    if extra is None:
        folder.truncate_metrics(0)
        folder.write_json("config.json", fingerprint)
        return 0, initial, 0.0, revision
    changed = differences(extra["config"], fingerprint)
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise InputError(
            f"{folder.path} holds a run of another config: {changed[0]}{more}; "
            "choose another --run-dir, or --from-scratch to set its checkpoints aside"
        )
    restored = checkpoints.restore_latest(directory, initial)
    assert restored is not None
    step, state = restored
    folder.truncate_metrics(step)
    print(f"resuming {folder.path.name} at step {step}", file=sys.stderr)
    return step, state, extra["seconds"], extra.get("revision")


def _require_finite(metrics: dict[str, np.ndarray], first: int, last_saved: int) -> None:
    bad = ~np.isfinite(metrics["loss"]) | ~np.isfinite(metrics["gradient_norm"])
    if bad.any():
        step = first + int(np.argmax(bad)) + 1
        good = f"step {last_saved} is the last good checkpoint" if last_saved else "none is saved"
        raise NotFiniteError(
            f"the loss or its gradient is not finite at step {step}; {good}; "
            "try a lower training.learning_rate, or --from-scratch"
        )


def _variables(state: Any) -> Variables:
    return {"params": state.params, "batch_stats": state.batch_stats}


def _shown(record: dict[str, np.ndarray]) -> dict[str, float]:
    """The terms of the bound as the progress line shows them, nats per item."""
    terms = [name for name in record if name in ("elbo", "reconstruction") or name[:3] == "kl_"]
    return {name: float(np.sum(record[name])) for name in terms}
