"""Measures the devices' idle time between two chunks of training."""

import threading
import time
from collections.abc import Callable
from typing import Any

import jax


class ChunkGaps:
    """Watches the chunks that ``wrap``'s ``parallel_chunk`` starts.

    A thread notes when a chunk's state is ready; until the next chunk starts, no
    device has work. What the host does inside a chunk of calls while the devices
    wait for it is not seen.
    """

    def __init__(self) -> None:
        self.idle = 0.0
        """Seconds between the end of a chunk and the start of the next."""
        self.total = 0.0
        """Seconds from the first start to the last end."""
        self.chunks = 0
        self._watcher: threading.Thread | None = None
        self._done = self._first = 0.0

    def wrap(self, parallel_chunk: Callable[..., Any]) -> Callable[..., Any]:
        """``training.parallel.parallel_chunk``, its chunks watched."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            start = parallel_chunk(*args, **kwargs)
            self.end()

            def timed(*chunk: Any) -> Any:
                now = time.perf_counter()
                if self._watcher is None:
                    self._first = now
                else:
                    self._watcher.join()
                    self.idle += max(0.0, now - self._done)
                state, read = start(*chunk)
                self.chunks += 1
                self._watcher = threading.Thread(target=self._wait, args=(state,), daemon=True)
                self._watcher.start()
                return state, read

            return timed

        return watched

    def end(self) -> None:
        """The last chunk of one training has been started."""
        if self._watcher is not None:
            self._watcher.join()
            self.total += self._done - self._first
            self._watcher = None

    def _wait(self, state: Any) -> None:
        try:
            jax.block_until_ready(state)
        except RuntimeError:  # the next chunk has taken it: it was ready before
            return
        self._done = time.perf_counter()
