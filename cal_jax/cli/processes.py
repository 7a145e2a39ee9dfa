"""Connection and shutdown of several processes of one program.

JAX monitors the processes: one that dies, or is silent for 100 s,
ends the others with a non-zero code. Their communication in training is in
``training/multihost.py``.
"""

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import jax

from cal_jax.errors import (
    BAD_INPUT,
    FAILED,
    InputError,
    LostProcessError,
    NotFiniteError,
    TogetherError,
)

CONNECT_TIMEOUT = 300
"""Seconds that a process waits for the others when it starts."""

_WHILE_ONE_EVALUATES = 7 * 86_400  # seconds: the others have nothing left to do
_LINGER = 2.0  # seconds: process 0 holds the connection: others with the same error go first


@dataclass(frozen=True)
class Distributed:
    """Several processes or hosts: see docs/howto/accelerators.md.

    Raises:
      InputError: a field that the mode has no use for, or that is missing or out of range.
    """

    distributed: Literal["off", "auto", "manual"] = "off"
    """off: the process is alone; auto: as SLURM, Open MPI, Kubernetes or Cloud TPU say, or as
    the launcher has connected them; manual: by the three flags that follow."""
    coordinator: str | None = None
    """manual: HOST:PORT that process 0 listens on."""
    processes: int | None = None
    """manual: how many there are."""
    process_id: int | None = None
    """manual: of this one, from 0."""
    connect_timeout: int | None = None
    """Seconds to wait for the others at the start; None: 300."""

    def __post_init__(self) -> None:
        mode, timeout = self.distributed, self.connect_timeout
        manual = {
            "--coordinator": self.coordinator,
            "--processes": self.processes,
            "--process-id": self.process_id,
        }
        if mode != "manual":
            for flag, value in manual.items():
                if value is not None:
                    raise InputError(f"{flag} {value}: accepted only with --distributed manual")
        if mode == "off" and timeout is not None:
            raise InputError(
                f"--connect-timeout {timeout}: accepted with --distributed auto or manual"
            )
        if timeout is not None and timeout < 1:
            raise InputError(f"--connect-timeout {timeout}: accepted are 1 and above")
        if mode == "manual":
            _check_manual(manual)

    @property
    def timeout(self) -> int:
        """Seconds to wait for the others at the start."""
        return self.connect_timeout or CONNECT_TIMEOUT


def is_first() -> bool:
    """Whether this process writes files; True for a single process."""
    return jax.process_index() == 0


@contextlib.contextmanager
def connected(settings: Distributed) -> Iterator[None]:
    """Connect this process with the others, before the first use of a device.

    Leaving waits until all have come to the end, or to an exception that all
    have: ``TogetherError``, ``NotFiniteError``, ``SystemExit``. Any other is of
    this process alone, which then ends without waiting.

    Raises:
      InputError: the others were not found in time.
      LostProcessError: another process ended in the middle of the work.
    """
    if settings.distributed == "off" or (
        settings.distributed == "auto" and jax.distributed.is_initialized()
    ):
        yield
        return
    met = False
    try:
        _connect(settings)
        met = True
        yield
    except (TogetherError, NotFiniteError, SystemExit):
        jax.distributed.shutdown()
        raise
    except BaseException as error:
        lost = _as_lost(error)
        code = BAD_INPUT if isinstance(error, InputError) else FAILED
        atexit.register(_leave_at_once, code, goes_last=met and is_first())
        if lost is not None:
            raise lost from error
        raise
    else:
        jax.distributed.shutdown()


def _check_manual(manual: dict[str, str | int | None]) -> None:
    missing = [flag for flag, value in manual.items() if value is None]
    if missing:
        raise InputError(f"--distributed manual: needs {', '.join(missing)} too")
    coordinator, processes, process_id = manual.values()
    host, _, port = str(coordinator).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"--coordinator {coordinator}: accepted is HOST:PORT")
    assert isinstance(processes, int) and isinstance(process_id, int)
    if processes < 1:
        raise InputError(f"--processes {processes}: accepted are 1 and above")
    if not 0 <= process_id < processes:
        raise InputError(f"--process-id {process_id}: accepted are 0 to {processes - 1}")


def _connect(settings: Distributed) -> None:
    """Wait for the others in a thread: where they do not come, JAX would abort the process."""
    # Its handler of SIGTERM would hide the signal from ours, and from the system's default.
    jax.config.update("jax_enable_preemption_service", False)
    outcome: list[Exception | None] = []

    def initialise() -> None:
        try:
            jax.distributed.initialize(
                settings.coordinator,
                settings.processes,
                settings.process_id,
                cluster_detection_method="deactivate" if settings.distributed == "manual" else None,
                initialization_timeout=settings.timeout + 60,
                shutdown_timeout_seconds=_WHILE_ONE_EVALUATES,
            )
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=initialise, daemon=True)
    thread.start()
    thread.join(settings.timeout)
    if not outcome:
        raise InputError(_unanswered(settings))
    error = outcome[0]
    if error is not None:
        reason = str(error).partition("\n")[0]
        accepted = "accepted: SLURM, Open MPI, Kubernetes (package kubernetes) or Cloud TPU, "
        hint = f"; {accepted}or --distributed manual" if settings.distributed == "auto" else ""
        raise InputError(f"--distributed {settings.distributed}: {reason}{hint}") from error


def _unanswered(settings: Distributed) -> str:
    seconds = f"within {settings.timeout} s (--connect-timeout)"
    if settings.distributed == "auto":
        return f"--distributed auto: the other processes were not found {seconds}"
    if settings.process_id == 0:
        return f"--processes {settings.processes}: not all of them came {seconds}"
    return f"--coordinator {settings.coordinator}: process 0 did not answer there {seconds}"


def _as_lost(error: BaseException) -> LostProcessError | None:
    """A failed exchange between processes as one line; None for any other error."""
    reason = str(error).partition("\n")[0]
    # XLA raises its own type or a bare ValueError: only the text says what it was.
    if isinstance(error, ValueError | RuntimeError) and "Gloo" in reason:
        return LostProcessError(
            f"another process has ended ({reason}); start all of them again to resume"
        )
    return None


def _leave_at_once(code: int, *, goes_last: bool) -> None:
    """End here: JAX's own end would wait for processes that may be waiting for this one."""
    if goes_last:
        time.sleep(_LINGER)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
