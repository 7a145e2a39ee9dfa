import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest

from cal_jax.io import provenance


def test_the_cpu_is_named_with_its_cores() -> None:
    text = provenance.device_description()
    assert re.fullmatch(r"cpu: [^,]+, \d+ cores?, 2 devices", text)
    assert "/" not in text.replace("(R)", "")


@pytest.mark.parametrize(("count", "ending"), [(1, "1 device"), (4, "4 devices")])
def test_an_accelerator_is_named_with_its_count(
    monkeypatch: pytest.MonkeyPatch, count: int, ending: str
) -> None:
    device = SimpleNamespace(platform="gpu", device_kind="NVIDIA H100 80GB HBM3")
    monkeypatch.setattr(jax, "local_devices", lambda: [device] * count)
    assert provenance.device_description() == f"gpu: NVIDIA H100 80GB HBM3, {ending}"


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = provenance.versions()
    assert found["jax"] == jax.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert list(found)[:2] == ["python", "cal_jax"]
    assert set(found) == {"python", "cal_jax", *provenance.PACKAGES}

    def absent(name: str) -> str:
        if name == "distrax":
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(provenance, "version", absent)
    assert set(provenance.versions()) == found.keys() - {"distrax"}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one committed file, taken for the source of cal_jax."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    package = tmp_path / "cal_jax"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "record.json").write_text("{}")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    return tmp_path


def test_the_revision_of_a_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = provenance.source_revision()
    assert clean is not None
    assert re.fullmatch(r"[0-9a-f]{12}", clean)
    (checkout / "runs.txt").write_text("untracked")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    (checkout / "results" / "record.json").write_text("[]")
    assert provenance.source_revision() == clean
    (checkout / "cal_jax" / "__init__.py").write_text("x = 1")
    assert provenance.source_revision() == f"{clean}-dirty"


def test_no_revision_outside_our_checkout_or_without_git(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = checkout / ".venv" / "cal_jax"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "__file__", str(installed / "provenance.py"))
    assert provenance.source_revision() is None
    shutil.rmtree(checkout / ".git")
    assert provenance.source_revision() is None

    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert provenance.source_revision() is None
