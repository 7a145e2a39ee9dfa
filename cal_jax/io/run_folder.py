"""The folder of a training run, locked by its owner, with atomic files."""

import fcntl
import json
import math
import os
import socket
import tempfile
from pathlib import Path
from typing import Any, Self

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

CONFIG_FILE = "config.json"
"""The flat configuration of the run."""
METRICS = "metrics.jsonl"
LOCK = ".lock"


class RunFolder:
    """A run's folder, held by one trainer at a time; a context manager.

    Create one with ``RunFolder.create_or_open(path)``; ``RunFolder(path)`` only
    reads and writes, without the lock. Names stay inside the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._lock: int | None = None

    @classmethod
    def create_or_open(cls, path: str | Path) -> Self:
        """Create the folder if missing, test a write, and take the lock.

        A half-written last line of ``metrics.jsonl`` is dropped.

        Raises:
          InputError: the folder cannot be made or written; another trainer
            holds it (named by process and host).
        """
        folder = cls(path)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder.path, prefix=".probe.") as probe:
                probe.write(b"probe")
                probe.flush()
            folder._take_lock()
        except OSError as error:
            raise InputError(f"run folder {path}: cannot be written: {error.strerror}") from error
        folder._drop_half_line()
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock; the empty file ``.lock`` stays. Idempotent."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def resolve(self, name: str) -> Path:
        """``name`` inside the folder, links followed.

        Raises:
          InputError: it leads outside.
        """
        root = self.path.resolve()
        path = root if "\0" in name else (root / name).resolve()
        if path == root or not path.is_relative_to(root):
            raise InputError(f"run folder {self.path}: {name!r} is not a name inside it")
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """Write ``value`` atomically; NaN and infinities become null."""
        return write_atomically(self.resolve(name), _dump(name, value, indent=2))

    def read_json(self, name: str) -> Any:
        """The value of one JSON file.

        Raises:
          InputError: it is missing, or not JSON (NaN is not).
        """
        path = self.resolve(name)
        try:
            return json.loads(path.read_bytes(), parse_constant=_reject)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not JSON: {error}") from error

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``; ``record`` should have a ``step``."""
        line = _dump(METRICS, record)
        path = self.resolve(METRICS)
        try:
            with open(path, "ab") as file:
                file.write(line)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every record, oldest first; a half-written last line is ignored.

        Raises:
          InputError: another line is not a JSON object.
        """
        path = self.resolve(METRICS)
        return [_record(path, number, line) for number, line in enumerate(self._lines(), start=1)]

    def truncate_metrics(self, step: int) -> int:
        """Drop the records after ``step`` and a half-written last line, for a resumed run.

        Records without a ``step`` stay. Returns how many whole records were dropped.
        """
        lines, records = self._lines(), self.read_metrics()
        kept = [
            line for line, record in zip(lines, records, strict=True) if not _after(record, step)
        ]
        path = self.resolve(METRICS)
        if path.exists():
            write_atomically(path, b"".join(line + b"\n" for line in kept))
        return len(lines) - len(kept)

    def _lines(self) -> list[bytes]:
        path = self.resolve(METRICS)
        try:
            # A line is complete with its newline, so the last piece is dropped.
            return path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error

    def _drop_half_line(self) -> None:
        path, lines = self.resolve(METRICS), self._lines()
        whole = b"".join(line + b"\n" for line in lines)
        if path.exists() and path.stat().st_size != len(whole):
            write_atomically(path, whole)

    def _take_lock(self) -> None:
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise InputError(
                f"run folder {self.path}: in use by {owner or 'another process'}; "
                "wait for it, or choose another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        self._lock = descriptor


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and jax, scalars and arrays
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _dump(name: str, value: Any, indent: int | None = None) -> bytes:
    try:
        return (json.dumps(_finite(value), indent=indent, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON: {error}") from error


def _after(record: dict[str, Any], step: int) -> bool:
    found = record.get("step")
    return isinstance(found, int | float) and found > step


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_reject)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: line {number} is not a JSON object")
    return record


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
