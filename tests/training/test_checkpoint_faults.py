"""Damaged, foreign, full: rows 2 to 9 and 31 of the table of faults."""

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cal_jax.errors import InputError
from cal_jax.training import checkpoints, manifest, orbax_folder
from cal_jax.training.checkpoints import CheckpointWarning, read_extra, restore_latest, save
from tests.training.checkpoint_states import (
    assert_newest_is_intact,
    assert_same,
    largest,
    make_state,
    step_files,
)


def seal(folder: Path, **changes: Any) -> None:
    """Rewrites the manifest with ``changes`` and a right hash."""
    body = json.loads((folder / manifest.NAME).read_text())["manifest"] | changes
    text = json.dumps({"sha256": manifest._hash(body), "manifest": body})
    (folder / manifest.NAME).write_text(text)


def assert_falls_back(directory: Path, named: str) -> None:
    before = {path: path.read_bytes() for path in step_files(directory)}
    with pytest.warns(CheckpointWarning, match=named):
        restored = restore_latest(directory, make_state())
    assert restored is not None
    assert restored[0] == 10
    assert_same(restored[1], make_state(10))
    assert {path: path.read_bytes() for path in step_files(directory)} == before


def test_row_2_truncated(directory: Path) -> None:
    path = largest(directory / "step_00000020")
    path.write_bytes(path.read_bytes()[:-5])
    assert_falls_back(directory, rf"{path.name}: \d+ bytes, not \d+")
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
    assert_newest_is_intact(directory)


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
        assert_newest_is_intact(directory)

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
