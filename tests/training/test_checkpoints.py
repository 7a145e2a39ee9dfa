"""Rows 1 to 9 of the table of faults, and bit-for-bit restoring."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cal_jax.errors import InputError
from cal_jax.training import checkpoints, leaves, manifest, orbax_folder
from cal_jax.training.checkpoints import CheckpointWarning, read_extra, restore_latest, save


class State(NamedTuple):
    params: Any
    opt_state: Any
    key_data: Any
    best: Any
    unset: None = None


def make_state(seed: int = 0, hidden: int = 100) -> State:
    rng = np.random.default_rng(seed)
    kernel = jnp.asarray(rng.normal(size=(7, hidden)), jnp.float32)
    params = {"dense": {"kernel": kernel, "bias": jnp.ones(hidden, jnp.bfloat16)}}
    optimiser = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    key_data = jax.random.key_data(jax.random.key(seed))
    return State(params, optimiser.init(params), key_data, np.float64(seed + 0.1))


def assert_same(got: Any, wanted: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert isinstance(a, jax.Array) == isinstance(b, jax.Array)
        assert isinstance(a, jax.Array) or type(a) is type(b)
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def step_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def largest(folder: Path) -> Path:
    return max(step_files(folder), key=lambda path: path.stat().st_size)


def seal(folder: Path, **changes: Any) -> None:
    """Rewrites the manifest with ``changes`` and a right hash."""
    body = json.loads((folder / manifest.NAME).read_text())["manifest"] | changes
    text = json.dumps({"sha256": manifest._hash(body), "manifest": body})
    (folder / manifest.NAME).write_text(text)


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


def assert_falls_back(directory: Path, named: str) -> None:
    before = {path: path.read_bytes() for path in step_files(directory)}
    with pytest.warns(CheckpointWarning, match=named):
        restored = restore_latest(directory, make_state())
    assert restored is not None
    assert restored[0] == 10
    assert_same(restored[1], make_state(10))
    assert {path: path.read_bytes() for path in step_files(directory)} == before


def test_restores_the_newest_step(directory: Path) -> None:
    restored = restore_latest(directory, make_state())
    assert restored is not None
    assert restored[0] == 20
    assert_same(restored[1], make_state(20))
    assert read_extra(directory) == {"config": 20}


def test_every_kind_of_leaf_returns_bit_for_bit(tmp_path: Path) -> None:
    payload = np.array([0x7FC00001, 0xFFC12345, 0x80000000, 1], np.uint32).view(np.float32)
    state = {
        "nan payloads, minus zero, a denormal": payload,
        "minus zeros": np.full((3, 2), -0.0, np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "transposed": np.arange(6, dtype=np.int16).reshape(2, 3).T,
        "scalars": (np.int32(4), np.float64(1 / 3), np.bool_(True)),
        "numbers": [7, 0.1, False, 1 + 2j],
        "0-d": jnp.asarray(3.0),
        "half": jnp.arange(5, dtype=jnp.bfloat16),
        "odd 'name'/with.dots": jnp.zeros(1, jnp.int8),
        "none": None,
        "no leaves": optax.EmptyState(),
    }
    save(tmp_path, 0, state)
    restored = restore_latest(tmp_path, state)
    assert restored is not None
    assert_same(restored[1], state)


def test_an_abstract_like_and_a_state_without_leaves(tmp_path: Path) -> None:
    state = make_state(3)
    save(tmp_path / "a", 1, state.params)
    restored = restore_latest(tmp_path / "a", jax.eval_shape(lambda: state.params))
    assert restored is not None
    assert_same(restored[1], state.params)
    save(tmp_path / "b", 1, ())
    assert restore_latest(tmp_path / "b", ()) == (1, ())


def test_a_committed_leaf_keeps_its_sharding(tmp_path: Path) -> None:
    mesh = jax.sharding.Mesh(jax.devices(), ("device",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("device"))
    state = {"divided": jax.device_put(jnp.arange(4.0), sharding), "free": jnp.arange(2.0)}
    save(tmp_path, 1, state)
    restored = restore_latest(tmp_path, state)
    assert restored is not None
    assert_same(restored[1], state)
    assert restored[1]["divided"].sharding == sharding
    assert not restored[1]["free"].committed


@pytest.mark.parametrize(
    ("leaf", "named"),
    [(jax.random.key(0), "key_data"), ("text", "str"), (np.array([None]), "ndarray")],
    ids=["typed key", "text", "object array"],
)
def test_a_leaf_that_cannot_be_saved_is_named(tmp_path: Path, leaf: Any, named: str) -> None:
    with pytest.raises(InputError, match=rf"state\['x'\].*{named}"):
        save(tmp_path, 1, {"x": leaf})
    assert list(tmp_path.iterdir()) == []


def test_none_only_where_no_step_was_saved(tmp_path: Path) -> None:
    assert restore_latest(tmp_path / "absent", make_state()) is None
    assert restore_latest(tmp_path, make_state()) is None
    assert read_extra(tmp_path) is None
    (tmp_path / "step_00000003").mkdir()
    with pytest.raises(InputError, match="--from-scratch"):
        restore_latest(tmp_path, make_state())


def test_keep_removes_older_steps_but_never_for_a_damaged_one(directory: Path) -> None:
    save(directory, 30, make_state(30))
    assert sorted(os.listdir(directory)) == ["step_00000020", "step_00000030"]
    largest(directory / "step_00000030").write_bytes(b"")
    save(directory, 40, make_state(40))
    assert sorted(os.listdir(directory)) == [f"step_000000{n}0" for n in (2, 3, 4)]
    save(directory, 50, make_state(50), keep=1)
    assert os.listdir(directory) == ["step_00000050"]


def test_a_step_is_saved_again_and_an_intact_newer_one_refused(directory: Path) -> None:
    save(directory, 20, make_state(5))
    restored = restore_latest(directory, make_state())
    assert restored is not None
    assert_same(restored[1], make_state(5))
    assert sorted(os.listdir(directory)) == ["step_00000010", "step_00000020"]
    with pytest.raises(InputError, match=r"step 15 .*step_00000020.*--from-scratch"):
        save(directory, 15, make_state(15))
    largest(directory / "step_00000020").write_bytes(b"")
    save(directory, 15, make_state(15))


def test_bad_arguments(tmp_path: Path) -> None:
    for bad in ({"step": -1}, {"keep": 0}, {"extra": {"x": float("nan")}}, {"extra": {"x": {1}}}):
        with pytest.raises(InputError, match=r"step must|extra: not JSON"):
            save(tmp_path, **{"step": 1, "state": {"x": jnp.ones(1)}, **bad})
    save(tmp_path, 1, {"x": jnp.ones(1)}, extra={1: (1, 2), "é": 0.1})
    assert read_extra(tmp_path) == {"1": [1, 2], "é": 0.1}


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


def test_row_2_truncated(directory: Path) -> None:
    path = largest(directory / "step_00000020")
    path.write_bytes(path.read_bytes()[:-5])
    assert_falls_back(directory, path.name)
    with pytest.warns(CheckpointWarning):
        assert read_extra(directory) == {"config": 10}


def test_row_3_one_bit_flipped(directory: Path) -> None:
    path = largest(directory / "step_00000020")
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert_falls_back(directory, f"{path.name}: SHA-256 differs; step 10 is taken")


@pytest.mark.parametrize(
    "name",
    [manifest.NAME, "tree/_METADATA", "tree/_CHECKPOINT_METADATA", "tree/commit_success.txt"],
)
def test_row_4_metadata_missing(directory: Path, name: str) -> None:
    (directory / "step_00000020" / name).unlink()
    assert_falls_back(directory, f"{Path(name).name}: missing")


@pytest.mark.parametrize(
    ("old", "new"),
    [('"format": 1', '"format": 9'), ('"config": 20', '"config": 21'), ("bfloat16", "cfloat16")],
)
def test_a_changed_manifest_is_not_trusted(directory: Path, old: str, new: str) -> None:
    path = directory / "step_00000020" / manifest.NAME
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert_falls_back(directory, f"{manifest.NAME}: SHA-256 differs")


def test_a_file_or_link_too_many_or_another_step(directory: Path) -> None:
    newest = directory / "step_00000020"
    (newest / "tree" / "more").write_text("")
    assert_falls_back(directory, "more: not in the manifest")
    (newest / "tree" / "more").unlink()
    (newest / "link").symlink_to(directory, target_is_directory=True)
    assert_falls_back(directory, "link: not in the manifest")
    (newest / "link").unlink()
    newest.rename(directory / "step_00000030")
    assert_falls_back(directory, "written for step 20, not 30")


def test_row_5_stray_folders(directory: Path) -> None:
    for name in (
        "99999",
        "latest",
        "step_99999",
        "step_00000099.orbax-checkpoint-tmp",
        ".saving_x",
    ):
        (directory / name).mkdir()
    (directory / "step_notes.txt").write_text("hello")
    test_restores_the_newest_step(directory)


def test_row_6_every_step_damaged(directory: Path) -> None:
    for step in (10, 20):
        largest(directory / f"step_{step:08d}").write_bytes(b"?")
    before = {path: path.read_bytes() for path in step_files(directory)}
    with pytest.raises(InputError, match=r"all 2 checkpoints are damaged.*--from-scratch"):
        restore_latest(directory, make_state())
    assert {path: path.read_bytes() for path in step_files(directory)} == before

    for number in (1, 2):
        moved = checkpoints.set_aside(directory)
        assert moved == directory.with_name(f"checkpoints.old-{number}")
        assert restore_latest(directory, make_state()) is None
        directory.mkdir()
    directory.rmdir()
    assert checkpoints.set_aside(directory) is None
    assert len(step_files(directory.with_name("checkpoints.old-1"))) == len(before)


@pytest.mark.filterwarnings("error")
def test_row_7_another_shape_dtype_or_tree(directory: Path) -> None:
    def message(like: Any) -> str:
        with pytest.raises(InputError) as caught:
            restore_latest(directory, like)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    text = message(make_state(hidden=200))
    assert "step_00000020" in text
    assert "state.params['dense']['kernel'] got float32[7, 100], wanted float32[7, 200]" in text

    state = make_state()
    text = message(state._replace(best=np.float32(0)))
    assert text.endswith("state.best got float64[], wanted float32[]")
    text = message(state._replace(params=state.params | {"new": jnp.zeros(2)}))
    assert text.endswith("state.params['new'] got no such leaf, wanted float32[2]")
    text = message(state._replace(best=None))
    assert text.endswith("state.best got float64[], wanted no such leaf")
    text = message([jnp.zeros(1)] * 20)
    assert "more leaves" in text


def test_row_8_a_newer_format(directory: Path) -> None:
    seal(directory / "step_00000020", format=manifest.FORMAT + 1, writer="cal_jax 9.9")
    with pytest.raises(InputError, match=r"format 2, written by cal_jax 9\.9.*reads.* up to 1"):
        restore_latest(directory, make_state())
    with pytest.raises(InputError, match="older than the checkpoint step_00000020"):
        save(directory, 15, make_state())


def test_row_9_disk_full(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_by_orbax(folder: Path, *_: object) -> None:
        folder.mkdir()
        (folder / "half").write_bytes(b"half")
        raise ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device")

    def full_by_python(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def bug(*_: object) -> None:
        raise ValueError("a bug")

    def check() -> None:
        with pytest.raises(InputError, match=r"step 30 was not saved: the disk is full.*intact"):
            save(directory, 30, make_state(30))
        assert sorted(os.listdir(directory)) == ["step_00000010", "step_00000020"]
        test_restores_the_newest_step(directory)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1))
        check()
    with monkeypatch.context() as patch:
        patch.setattr(orbax_folder, "write", full_by_orbax)
        check()
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write", full_by_python)
        check()
    with monkeypatch.context() as patch:
        patch.setattr(orbax_folder, "write", bug)
        with pytest.raises(ValueError, match="a bug") as caught:
            save(directory, 30, make_state(30))
        assert caught.type is ValueError


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


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="step 1 was not saved"):
        save(tmp_path / "file", 1, {"x": jnp.ones(1)})


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_row_31_mutated_bytes_never_restore_silently(saved: Path, data: st.DataObject) -> None:
    """Any file of either step, 1 to 8 bytes: what is restored is bit-equal, or nothing is."""
    files = step_files(saved)
    path = files[data.draw(st.integers(0, len(files) - 1))]
    original = path.read_bytes()
    mutated = bytearray(original)
    places = st.lists(st.integers(0, len(original) - 1), min_size=1, max_size=8)
    for place in data.draw(places):
        mutated[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(mutated)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CheckpointWarning)
            restored = restore_latest(saved, make_state())
    finally:
        path.write_bytes(original)
    assert restored is not None
    step, state = restored
    assert_same(state, make_state(step))
    damaged = bytes(mutated) != original and "step_00000020" in str(path)
    if path.name != manifest.NAME:  # a mutated blank in JSON changes nothing
        assert [step, len(caught)] == ([10, 1] if damaged else [20, 0])


def test_describe_reads_no_values() -> None:
    described = leaves.describe({"a": jax.ShapeDtypeStruct((2,), jnp.float32), "b": 3})
    assert described == [
        {"path": "['a']", "dtype": "float32", "shape": [2]},
        {"path": "['b']", "dtype": "int64", "shape": []},
    ]
