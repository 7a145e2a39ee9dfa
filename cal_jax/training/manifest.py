"""The manifest of a checkpoint folder: hashes of its files, shapes and dtypes of its leaves.

``manifest.json`` is ``{"sha256": ..., "manifest": {...}}``: the hash covers the
manifest itself, so that a flipped bit in it is detected as in an
array. ``format`` stays in this place in every later version.
"""

import hashlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError

NAME = "manifest.json"
FORMAT = 1


class CorruptError(Exception):
    """A checkpoint folder that disagrees with its manifest; names the file."""


def write(folder: Path, *, step: int, leaves: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    """Hashes and flushes every file of ``folder``, then writes its manifest last.

    ``leaves`` has one ``{"path", "dtype", "shape"}`` for each leaf of the state.
    """
    files = {}
    for name in sorted(_files(folder)):
        with open(folder / name, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[name] = {"bytes": os.fstat(file.fileno()).st_size, "sha256": digest}
            os.fsync(file.fileno())
    body = {
        "format": FORMAT,
        "writer": _writer(),
        "step": step,
        "files": files,
        "leaves": leaves,
        "extra": extra,
    }
    text = json.dumps({"sha256": _hash(body), "manifest": body}, indent=1, allow_nan=False)
    with open(folder / NAME, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    for root, _, _ in os.walk(folder):
        sync_folder(Path(root))


def read_verified(folder: Path, step: int) -> dict[str, Any]:
    """The manifest of ``folder``, after verifying every file.

    Raises:
      CorruptError: a file is missing, left over, truncated or changed.
      InputError: a newer version of cal_jax wrote the folder.
    """
    body = _read(folder)
    if body["format"] > FORMAT:
        raise InputError(
            f"{folder / NAME}: checkpoint format {body['format']}, written by {body['writer']}; "
            f"this version reads formats up to {FORMAT}: update cal_jax"
        )
    if body["step"] != step:
        raise CorruptError(f"{folder / NAME}: written for step {body['step']}, not {step}")
    wanted, found = body["files"], _files(folder) - {NAME}
    for name in sorted(found ^ wanted.keys()):
        reason = "not in the manifest" if name in found else "missing"
        raise CorruptError(f"{folder / name}: {reason}")
    for name, record in wanted.items():
        _verify_file(folder / name, record)
    return body


def sync_folder(folder: Path) -> None:
    """Flushes the names in ``folder`` to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / NAME
    try:
        record = json.loads(path.read_bytes())
        body = record["manifest"]
        intact = record["sha256"] == _hash(body)
    except FileNotFoundError:
        raise CorruptError(f"{path}: missing") from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptError(f"{path}: unreadable ({type(error).__name__})") from error
    if not intact:
        raise CorruptError(f"{path}: SHA-256 differs")
    return body


def _verify_file(path: Path, record: dict[str, Any]) -> None:
    try:
        size = path.stat().st_size
        if size != record["bytes"]:
            raise CorruptError(f"{path}: {size} bytes, not {record['bytes']}")
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorruptError(f"{path}: unreadable ({error.strerror})") from error
    if digest != record["sha256"]:
        raise CorruptError(f"{path}: SHA-256 differs")


def _files(folder: Path) -> set[str]:
    """Names, relative to ``folder``, of all that is in it except plain folders."""
    names = set()
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        names |= {(Path(root) / name).relative_to(folder).as_posix() for name in files + links}
    return names


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _writer() -> str:
    try:
        return f"cal_jax {version('cal-jax')}"
    except PackageNotFoundError:
        return "cal_jax (not installed)"
