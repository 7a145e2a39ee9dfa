"""Export of the model in a run's newest checkpoint."""

from pathlib import Path

from cal_jax.config import unflatten
from cal_jax.errors import InputError
from cal_jax.inference.trained import TrainedLearner, untrained
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.plain_config import from_plain
from cal_jax.training import checkpoints
from cal_jax.training.config import TrainingConfig, optimiser_of
from cal_jax.training.resume import CHECKPOINTS
from cal_jax.training.step import initial_state


def newest_model(run_dir: Path) -> tuple[int, TrainedLearner]:
    """The step and the model of a run with known masks, finished or not.

    Args:
      run_dir: the run's folder.

    Raises:
      InputError: no checkpoint there, damaged ones, or one of another kind of run.
    """
    directory = Path(run_dir) / CHECKPOINTS
    extra = checkpoints.read_extra(directory)
    if extra is None:
        raise InputError(f"{run_dir}: no checkpoint; accepted: the folder of a run that saved one")
    flat = extra["config"]
    try:
        of_model = unflatten(flat, "model.")
        if not of_model:
            raise InputError("its config has no field model.*")
        config = from_plain(ContextAwareConfig, of_model)
        training = from_plain(TrainingConfig, unflatten(flat, "training."))
        size, binarisation, set_size = (
            flat[name] for name in ("image_size", "binarisation", "set_size")
        )
    except (KeyError, InputError) as error:
        raise InputError(f"{run_dir}: no run of a context-aware learner: {error}") from error
    model = ContextAwareLearner(config, (size, size))
    like = initial_state(untrained(model), optimiser_of(training))
    restored = checkpoints.restore_latest(directory, like)
    assert restored is not None
    step, state = restored
    found = {"params": state.params, "batch_stats": state.batch_stats}
    kept = {name: tree for name, tree in found.items() if tree}
    return step, TrainedLearner(model, kept, set_size, binarisation)
