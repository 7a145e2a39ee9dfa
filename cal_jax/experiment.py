"""What every experiment does around its own model: its folder, training or resuming, a stop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cal_jax.cli import Request
from cal_jax.configuration import flatten
from cal_jax.run_folder import RunFolder
from cal_jax.training import checkpoints
from cal_jax.training.parallel import choose_devices
from cal_jax.training.run import CHECKPOINTS, Task, Trained, TrainingConfig, train
from cal_jax.training.signals import StopSignal


def run_folder(request: Request, experiment: str, data_name: str | None = None) -> Path:
    """Where a run goes: ``--run-dir``, or a name under ``runs/`` that says what it is of."""
    if request.run_dir is not None:
        return request.run_dir
    parts = [experiment, request.preset, data_name, "held-back" if request.held_back else None]
    return Path("runs") / "-".join([*filter(None, parts), f"seed{request.seed}"])


def train_in(
    folder: RunFolder,
    request: Request,
    training: TrainingConfig,
    task: Task,
    **identity: Any,
) -> Trained:
    """Train one model in a folder, or resume it, until it is done or a signal asks to stop.

    Args:
      folder: of this model's metrics and checkpoints.
      request: the run as asked for; its config and seed are part of its identity.
      training: how the model is optimised.
      task: what is trained on what.
      identity: what else decides the run, as the images' digest: a checkpoint
        of another one is refused.

    Raises:
      InputError, NotFiniteError, SystemExit: see ``training.run.train``.
    """
    devices = choose_devices(request.devices)
    if request.from_scratch:
        checkpoints.set_aside(folder.resolve(CHECKPOINTS))
    config = flatten(replace(request.config, summary=""))
    with StopSignal() as stop:
        return train(
            folder,
            training,
            task,
            seed=request.seed,
            devices=devices,
            fingerprint={**config, "seed": request.seed, **identity},
            stop=stop,
        )
