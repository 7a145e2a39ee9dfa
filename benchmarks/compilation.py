"""Compilation time from JAX's own events, and a compilation cache for measurements."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

_PARTS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "backend",
}
"""JAX's events; the backend's is its own work, or its reading of the cache."""


class CompileTime:
    """The spans of time in which something is compiled; they nest and overlap."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = {part: [] for part in _PARTS.values()}

    def add(self, event: str, start_time: float, end_time: float, **_: object) -> None:
        """Take note of one of JAX's events."""
        if event in _PARTS:
            self._spans[_PARTS[event]].append((start_time, end_time))

    @property
    def seconds(self) -> float:
        """Of all the spans together, none counted twice."""
        return _covered(span for spans in self._spans.values() for span in spans)

    @property
    def parts(self) -> dict[str, float]:
        """Seconds of tracing, of lowering and of the backend."""
        return {part: _covered(spans) for part, spans in self._spans.items()}


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of spans."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


@contextlib.contextmanager
def compile_time() -> Iterator[CompileTime]:
    """Count what is compiled inside."""
    counted = CompileTime()
    jax.monitoring.register_event_time_span_listener(counted.add)
    try:
        yield counted
    finally:
        jax.monitoring.unregister_event_time_span_listener(counted.add)


@contextlib.contextmanager
def empty_cache() -> Iterator[Path]:
    """A persistent compilation cache of its own, empty, that keeps every program."""
    wanted = {
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
        "jax_enable_compilation_cache": True,
    }
    before = {name: getattr(jax.config, name) for name in ("jax_compilation_cache_dir", *wanted)}
    with tempfile.TemporaryDirectory(prefix="cal_jax_benchmark.") as folder:
        for name, value in {**wanted, "jax_compilation_cache_dir": folder}.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()
