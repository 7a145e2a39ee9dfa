"""What every experiment does around its own model: its folder, training or resuming, a stop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from cal_jax.cli import Request
from cal_jax.configuration import flatten
from cal_jax.run_folder import RunFolder
from cal_jax.training import checkpoints
from cal_jax.training.parallel import choose_devices
from cal_jax.training.run import CHECKPOINTS, Task, Trained, TrainingConfig, train
from cal_jax.training.signals import StopSignal

TEST_SEED = 20_170_817
"""Of what test data draw at random: the same for every run."""

EVALUATION = 2**31
"""What is folded into a run's key for its evaluation: more than any step."""


def open_run(request: Request, experiment: str, data_name: str | None = None) -> RunFolder:
    """The folder of a run: ``--run-dir``, or a name under ``runs/`` that says what it is of.

    Raises:
      InputError: a folder that cannot be used, or more devices than there are.
    """
    choose_devices(request.devices)
    parts = [experiment, request.preset, data_name, "held-back" if request.held_back else None]
    default = Path("runs") / "-".join([*filter(None, parts), f"seed{request.seed}"])
    return RunFolder.create_or_open(request.run_dir or default)


def evaluation_key(seed: int) -> jax.Array:
    """The key of a run's evaluation, which no step of any run's training has."""
    return jax.random.fold_in(jax.random.key(seed), EVALUATION)


def run_identity(request: Request, **more: Any) -> dict[str, Any]:
    """What decides a run, flat: its config, its seed, and what else its experiment names."""
    return {**flatten(replace(request.config, summary="")), "seed": request.seed, **more}


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
    with StopSignal() as stop:
        return train(
            folder,
            training,
            task,
            seed=request.seed,
            devices=devices,
            fingerprint=run_identity(request, **identity),
            stop=stop,
            revision=request.revision,
        )
