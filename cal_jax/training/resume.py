"""Resuming of a run from the newest checkpoint of its folder."""

import json
import sys
from typing import Any, NamedTuple

from cal_jax.config import differences
from cal_jax.errors import InputError
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.training import checkpoints
from cal_jax.training.config import SeedTask
from cal_jax.training.multihost import arrays_of_first, of_first, on_first, require_same
from cal_jax.training.step import TrainState

CHECKPOINTS = "checkpoints"
ORACLE_FIELDS = "oracle."
"""Prefix of the fields that do not affect training."""


class Point(NamedTuple):
    """One seed's run between two chunks."""

    step: int
    state: TrainState
    """On the host."""
    seconds: float
    """Training time so far, over all sessions."""
    revision: str | None
    """Of the source in the first session."""


def resumed(run: SeedTask, initial: TrainState, revision: str | None) -> Point:
    """The newest point in the run's folder on every process, or the start.

    Args:
      run: of the folder.
      initial: the state of a run that starts now.
      revision: of the source of a run that starts now.

    Raises:
      InputError: a checkpoint of another config, or damaged ones.
    """
    require_same(json.dumps(run.fingerprint, sort_keys=True), "config, seed or data")
    found = on_first(lambda: _newest(run, initial, revision)) or Point(0, initial, 0.0, None)
    step, seconds, revision = of_first([found.step, found.seconds, found.revision])
    return Point(step, arrays_of_first(found.state), seconds, revision)


def save(folder: RunFolder, fingerprint: dict[str, Any], point: Point) -> None:
    """Save a point of a run, with its fingerprint, to its checkpoints."""
    extra = {"seconds": point.seconds, "config": fingerprint, "revision": point.revision}
    checkpoints.save(folder.resolve(CHECKPOINTS), point.step, point.state, extra=extra)


def _newest(run: SeedTask, initial: TrainState, revision: str | None) -> Point:
    folder = run.folder
    if folder is None:
        return Point(0, initial, 0.0, revision)
    directory = folder.resolve(CHECKPOINTS)
    extra = checkpoints.read_extra(directory)
    if extra is None:
        folder.truncate_metrics(0)
        folder.write_json(CONFIG_FILE, run.fingerprint)
        return Point(0, initial, 0.0, revision)
    changed = differences(_of_training(extra["config"]), _of_training(run.fingerprint))
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
    folder.write_json(CONFIG_FILE, run.fingerprint)
    print(f"resuming {folder.path.name} at step {step}", file=sys.stderr)
    return Point(step, state, extra["seconds"], extra.get("revision"))


def _of_training(fingerprint: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in fingerprint.items() if not name.startswith(ORACLE_FIELDS)
    }
