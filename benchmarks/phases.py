"""Wall time of a program by phase; time in nested functions counts for the inner one."""

import functools
import time
from collections.abc import Callable
from typing import Any

OTHER = "other"


class Phases:
    """Seconds by phase; while one runs inside another, the time is the inner one's.

    ``compile_seconds`` says how much has been compiled so far: what is compiled
    inside a phase is not that phase's but ``compile``'s.
    """

    def __init__(
        self,
        compile_seconds: Callable[[], float],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.seconds: dict[str, float] = {"compile": 0.0}
        self._compiled, self._clock = compile_seconds, clock
        self._running = [OTHER]
        self._last = (clock(), compile_seconds())

    def wrap(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted as the phase's."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.settle()
            self._running.append(phase)
            try:
                return function(*args, **kwargs)
            finally:
                self.settle()
                self._running.pop()

        return timed

    def settle(self) -> None:
        """Give the time since the last change of phase to the phase that runs."""
        now, compiled = self._clock(), self._compiled()
        elapsed, compiling = now - self._last[0], compiled - self._last[1]
        phase = self._running[-1]
        self.seconds["compile"] += compiling
        self.seconds[phase] = self.seconds.get(phase, 0.0) + max(0.0, elapsed - compiling)
        self._last = (now, compiled)
