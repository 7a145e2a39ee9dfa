"""Checkpoint of a run's variables at half of its steps, for later comparison."""

from collections.abc import Sequence

from cal_jax.cli.processes import is_first
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables
from cal_jax.io.run_folder import RunFolder
from cal_jax.training import checkpoints
from cal_jax.training.config import SeedTask, Trained, TrainingConfig

MIDPOINT = "midpoint"


def midpoint_step(config: TrainingConfig) -> int:
    """The step at half of the training."""
    return config.steps // 2


def keep_midpoint(
    runs: Sequence[SeedTask], config: TrainingConfig, reached: Sequence[Trained]
) -> None:
    """Save the variables of runs at their midpoint.

    Raises:
      InputError: the folder cannot be written.
    """
    step = midpoint_step(config)
    for run, at in zip(runs, reached, strict=True):
        if run.folder is not None and at.step == step and is_first():
            checkpoints.save(run.folder.resolve(MIDPOINT), step, at.variables)


def midpoint_variables(folder: RunFolder, like: Variables) -> Variables:
    """The variables of a run at its midpoint.

    Args:
      folder: of the run.
      like: the run's variables at another step.

    Raises:
      InputError: they are missing, damaged or another model's.
    """
    directory = folder.resolve(MIDPOINT)
    found = checkpoints.restore_latest(directory, like)
    if found is None:
        raise InputError(
            f"{directory}: missing, though the run is past its half; "
            "give --from-scratch to train it again"
        )
    return found[1]
