"""The garbage collector of a program that traces."""

import gc


def collect_rarely() -> None:
    """Collect rarely: tracing creates millions of small objects, and few cycles.

    It cuts the time to trace a step of the context-aware learner by a quarter: see
    ``docs/engineering/benchmarks.md``.
    """
    gc.set_threshold(100_000, 20, 50)
