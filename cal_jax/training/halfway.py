"""What a run was half-way: kept in its folder for an evaluation that compares."""

from collections.abc import Sequence

from cal_jax.edge.distributed import is_first
from cal_jax.edge.run_folder import RunFolder
from cal_jax.errors import InputError
from cal_jax.mapping import Variables
from cal_jax.training import checkpoints
from cal_jax.training.run import SeedTask, Trained, TrainingConfig

HALFWAY = "halfway"


def halfway_step(config: TrainingConfig) -> int:
    """After half of the steps."""
    return config.steps // 2


def keep_halfway(
    runs: Sequence[SeedTask], config: TrainingConfig, reached: Sequence[Trained]
) -> None:
    """Save the variables of the runs that stand half-way; those that are past it did so before.

    Raises:
      InputError: the folder cannot be written.
    """
    step = halfway_step(config)
    for run, at in zip(runs, reached, strict=True):
        if at.step == step and is_first():
            checkpoints.save(run.folder.resolve(HALFWAY), step, at.variables)


def halfway_variables(folder: RunFolder, like: Variables) -> Variables:
    """The variables of a run half-way.

    Args:
      folder: of the run.
      like: the run's variables at another step.

    Raises:
      InputError: they were not kept, or are damaged or another model's.
    """
    directory = folder.resolve(HALFWAY)
    found = checkpoints.restore_latest(directory, like)
    if found is None:
        raise InputError(
            f"{directory}: missing, though the run is past its half; "
            "give --from-scratch to train it again"
        )
    return found[1]
