"""A save killed at any point, or refused by the system: rows 1 and 9, in other processes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.training import manifest
from cal_jax.training.checkpoints import restore_latest, save
from tests.training.checkpoint_states import assert_same

# Row 1: the process is killed at named places of a save of step 20, or at any time.
KILL = """
import os, signal, sys
from pathlib import Path
import jax.numpy as jnp
from cal_jax.training import checkpoints, manifest, orbax_folder

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

directory, place = sys.argv[1:]
state = lambda step: {"x": jnp.full(50_000, step, jnp.float32)}
checkpoints.save(directory, 10, state(10))
print("ready", flush=True)
if place == "any time":
    for step in range(11, 100_000):
        checkpoints.save(directory, step, state(step))
if place == "before the manifest":
    manifest.write = kill
if place == "before the rename":
    checkpoints._publish = kill
if place == "inside Orbax":
    Path.rename = os.rename = os.replace = kill
if place == "between two renames":
    rename, Path.rename = Path.rename, lambda a, b: rename(a, b) if b.name.endswith("d") else kill()
checkpoints.save(directory, 10 if place == "between two renames" else 20, state(20))
print("survived", flush=True)
"""


@pytest.mark.parametrize(
    "place",
    ["any time", "inside Orbax", "before the manifest", "before the rename", "between two renames"],
)
def test_row_1_kill_during_a_save(tmp_path: Path, place: str) -> None:
    command = [sys.executable, "-c", KILL, str(tmp_path), place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if place == "any time":
            time.sleep(random.uniform(0.1, 0.6))
            process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
        assert process.stdout.read() == ""
    left = os.listdir(tmp_path)
    assert place != "inside Orbax" or not list(tmp_path.glob(f".saving_*/{manifest.NAME}"))
    like = {"x": jnp.zeros(50_000)}
    restored = restore_latest(tmp_path, like)
    assert restored is not None
    assert_same(restored[1], {"x": jnp.full(50_000, restored[0], jnp.float32)})
    if place != "any time":
        assert restored[0] == 10
        assert any(name.startswith(".saving_") for name in left)
    save(tmp_path, 10**6, like)
    assert all(name.startswith("step_") for name in os.listdir(tmp_path))
    assert "step_00000010.replaced" in left or place != "between two renames"


FULL = """
import resource, sys
import numpy as np
from cal_jax.errors import InputError
from cal_jax.training import checkpoints

checkpoints.save(sys.argv[1], 10, {"x": np.zeros(9)})
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoints.save(sys.argv[1], 20, {"x": np.random.default_rng(0).normal(size=90_000)})
except InputError as error:
    print(error)
"""


def test_row_9_a_write_that_the_system_refuses(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "step 20 was not saved: the disk is full; older steps are intact" in done.stdout
    # A thread of Orbax may still write while its folder is removed; the next save cleans it.
    left = [name for name in os.listdir(tmp_path) if not name.startswith(".saving_")]
    assert left == ["step_00000010"]
    assert restore_latest(tmp_path, {"x": np.zeros(9)}) is not None
