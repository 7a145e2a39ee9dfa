"""Two saved steps, whole for a module or copied for one test."""

import shutil
from pathlib import Path

import pytest

from cal_jax.training.checkpoints import save
from tests.training.checkpoint_states import make_state


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Steps 10 and 20, of the seeds 10 and 20."""
    directory = tmp_path_factory.mktemp("saved") / "checkpoints"
    for step in (10, 20):
        save(directory, step, make_state(step), extra={"config": step})
    return directory


@pytest.fixture
def directory(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "checkpoints"))
