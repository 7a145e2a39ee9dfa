"""The model in a run's newest checkpoint, for a file of weights."""

from pathlib import Path
from typing import Any

from cal_jax.config import Config, from_plain, unflatten
from cal_jax.errors import InputError
from cal_jax.inference.weights import TrainedLearner, untrained
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.training import checkpoints
from cal_jax.training.config import TrainingConfig, optimiser_of
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.step import initial_state


def newest_model(run_dir: Path, factors: tuple[str, ...]) -> tuple[int, TrainedLearner]:
    """The step and the model of a run with known labels, finished or not.

    Args:
      run_dir: the run's folder.
      factors: what each of its contexts is for.

    Raises:
      InputError: no checkpoint there, damaged ones, or one of another kind of run.
    """
    directory = Path(run_dir) / CHECKPOINTS
    extra = checkpoints.read_extra(directory)
    if extra is None:
        raise InputError(f"{run_dir}: no checkpoint; accepted: the folder of a run that saved one")
    flat = extra["config"]
    try:
        config = _part(ContextAwareConfig, flat, "model.")
        training = _part(TrainingConfig, flat, "training.")
        binarisation, set_size = flat["binarisation"], flat["set_size"]
    except (KeyError, InputError) as error:
        raise InputError(f"{run_dir}: no run of a context-aware learner: {error}") from error
    like = initial_state(untrained(config), optimiser_of(training))
    restored = checkpoints.restore_latest(directory, like)
    assert restored is not None
    step, state = restored
    found = {"params": state.params, "batch_stats": state.batch_stats}
    kept = {name: tree for name, tree in found.items() if tree}
    return step, TrainedLearner(config, kept, factors, binarisation, set_size)


def _part(kind: type[Config], flat: dict[str, Any], prefix: str) -> Config:
    """The dataclass whose fields stand in a flat config under a prefix."""
    fields = unflatten(flat, prefix)
    if not fields:
        raise KeyError(f"{prefix}*")
    return from_plain(kind, fields)
