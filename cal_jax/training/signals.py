"""Stopping on SIGTERM or SIGINT between two chunks of work, with a save."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """A context in which the first SIGTERM or SIGINT only sets ``requested``.

    The loop reads it between chunks, saves, and leaves with ``exit_code``. A
    second signal ends the process at once (a save under way leaves a temporary
    folder, never a damaged step). Leaving restores the handlers found; outside
    the main thread, where Python delivers no signals, nothing is installed.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._received is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number (143 for SIGTERM, 130 for SIGINT); 0 before any."""
        return 0 if self._received is None else 128 + self._received

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            # None: a handler that was not installed from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous = {}

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.requested:
            os._exit(128 + number)
        self._received = number
