import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.io.run_folder import METRICS, RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_row_10_a_folder_that_cannot_be_written_fails_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run", "/proc/run", "/proc/self"):
        with pytest.raises(InputError, match=f"run folder {path}: cannot be written") as caught:
            RunFolder.create_or_open(path)
        assert "\n" not in str(caught.value)
    RunFolder.create_or_open(tmp_path / "new" / "run").release()
    assert os.listdir(tmp_path / "new" / "run") == [".lock"]


HOLD = """
import sys
from cal_jax.io.run_folder import RunFolder
with RunFolder.create_or_open(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("killed", [False, True])
def test_row_28_a_second_trainer_is_refused_until_the_first_ends(
    tmp_path: Path, killed: bool
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        owner = f"in use by process {first.pid} on {socket.gethostname()};"
        with pytest.raises(InputError, match=owner):
            RunFolder.create_or_open(tmp_path)
        if killed:
            first.send_signal(signal.SIGKILL)
        else:
            first.communicate("go\n")
        first.wait(timeout=10)
    with RunFolder.create_or_open(tmp_path):
        with pytest.raises(InputError, match=f"in use by process {os.getpid()} on"):
            RunFolder.create_or_open(tmp_path)
        assert (tmp_path / ".lock").read_text().startswith(f"process {os.getpid()} on ")
    assert (tmp_path / ".lock").read_text() == ""


def test_json_is_written_whole_with_null_for_what_is_not_finite(folder: RunFolder) -> None:
    value = {
        "nan": float("nan"),
        "deep": [(np.float32("inf"), jnp.asarray(0.5)), {"n": np.int64(3), "b": True}],
        "array": np.array([1.0, np.nan]),
        "é": None,
    }
    path = folder.write_json("sub/result.json", value)
    assert path == folder.path / "sub" / "result.json"
    assert folder.read_json("sub/result.json") == {
        "nan": None,
        "deep": [[None, 0.5], {"n": 3, "b": True}],
        "array": [1.0, None],
        "é": None,
    }
    with pytest.raises(InputError, match=r"sub/result\.json: not JSON"):
        folder.write_json("sub/result.json", {"x": object()})
    assert os.listdir(path.parent) == ["result.json"]


def test_a_failed_write_leaves_the_old_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder.write_json("a.json", 1)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.json: cannot be written: No space left"):
        folder.write_json("a.json", 2)
    assert folder.read_json("a.json") == 1
    assert os.listdir(folder.path) == ["a.json"]


@pytest.mark.parametrize("body", [b"", b"{", b"[NaN]", b"\xff", b"[" * 100_000])
def test_a_file_that_is_not_json(folder: RunFolder, body: bytes) -> None:
    (folder.path / "x.json").write_bytes(body)
    with pytest.raises(InputError, match=r"x\.json: not JSON"):
        folder.read_json("x.json")
    with pytest.raises(InputError, match=r"absent\.json: cannot be read"):
        folder.read_json("absent.json")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", ".", "link/x", "a\0b"])
def test_names_stay_inside(folder: RunFolder, name: str) -> None:
    (folder.path / "link").symlink_to("/tmp")
    with pytest.raises(InputError, match="not a name inside it"):
        folder.write_json(name, 1)
    with pytest.raises(InputError, match="not a name inside it"):
        folder.read_json(name)


def test_row_29_a_half_written_last_line(folder: RunFolder) -> None:
    assert folder.read_metrics() == []
    for step in (1, 2):
        folder.append_metrics({"step": step, "elbo": np.float32(-1.5), "kl": float("nan")})
    whole = [{"step": step, "elbo": -1.5, "kl": None} for step in (1, 2)]
    assert folder.read_metrics() == whole
    path = folder.path / METRICS
    good = path.read_bytes()
    for half in (b"{", b'{"step": 3, "el', b'{"step": 3}'):  # the last lacks its newline alone
        path.write_bytes(good + half)
        assert folder.read_metrics() == whole
        with RunFolder.create_or_open(folder.path) as opened:
            assert path.read_bytes() == good
            opened.append_metrics({"step": 3})
        assert folder.read_metrics() == [*whole, {"step": 3}]
        path.write_bytes(good + half)
        assert folder.truncate_metrics(2) == 0
        assert path.read_bytes() == good


def test_truncating_keeps_the_lines_up_to_a_step_byte_for_byte(folder: RunFolder) -> None:
    assert folder.truncate_metrics(5) == 0
    assert not (folder.path / METRICS).exists()
    lines = [
        b'{"step":1, "x":0.10}\n',
        b'{"note": "no step"}\n',
        b'{"step": 3}\n',
        b'{"step": 2}\n',
    ]
    (folder.path / METRICS).write_bytes(b"".join(lines) + b'{"step": 9')
    assert folder.truncate_metrics(2) == 1
    assert (folder.path / METRICS).read_bytes() == lines[0] + lines[1] + lines[3]
    assert sorted(os.listdir(folder.path)) == [METRICS]


@pytest.mark.parametrize("line", [b"{oops}", b"[1]", b'{"x": NaN}'])
def test_a_damaged_line_in_the_middle_is_named(folder: RunFolder, line: bytes) -> None:
    body = json.dumps({"step": 1}).encode() + b"\n" + line + b"\n" + b'{"step": 3}\n'
    (folder.path / METRICS).write_bytes(body)
    for act in (folder.read_metrics, lambda: folder.truncate_metrics(0)):
        with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is not"):
            act()
    assert (folder.path / METRICS).read_bytes() == body
