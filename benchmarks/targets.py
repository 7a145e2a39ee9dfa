"""Targets of the benchmarks, by the names of their numbers in records."""

from typing import NamedTuple


class Target(NamedTuple):
    """A bound on a number."""

    limit: float
    at_least: bool = False
    """Whether the number must not be below the limit; otherwise not above it."""

    def verdict(self, value: float) -> str:
        """The bound in words, and whether the value keeps it."""
        kept = value >= self.limit if self.at_least else value <= self.limit
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g}: {'met' if kept else 'missed'}"


TARGETS = {
    "context_aware_vs_pytorch": Target(1.5),
    "statistician_vs_pytorch": Target(0.5),
    "vae_vs_pytorch": Target(0.4),
    "context_aware_vs_plain_flax": Target(0.4),
    "context_aware_share_of_ceiling": Target(0.22, at_least=True),
    "compile_cold": Target(10.0),
    "compile_cached": Target(2.0),
    "host_share_between_chunks": Target(0.03),
    "context_aware_devices_vs_one": Target(1.0),
    "context_aware_processes_vs_one": Target(1.0),
    "exponent": Target(1.0),
}
"""On 2 CPU cores: ratios of times, shares, seconds, exponents."""


def verdict(name: str, value: float | None) -> str:
    """A target's verdict; a dash where there is no target, or nothing was measured."""
    target = TARGETS.get(name)
    return "-" if target is None or value is None else target.verdict(value)
