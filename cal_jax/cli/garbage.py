"""The garbage collector of a program that traces."""

import gc


def collect_rarely() -> None:
    """Fewer collections: tracing makes small objects by the million, and few cycles.

    To trace a step of the context-aware learner takes three quarters of the time so: see
    ``docs/engineering/benchmarks.md``.
    """
    gc.set_threshold(100_000, 20, 50)
