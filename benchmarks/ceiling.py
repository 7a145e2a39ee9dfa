"""Measures a machine's peak: GFLOP/s of a matrix product, bytes/s of a long sum."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.timing import spread

MATRIX = {"cpu": {"thesis": 2048, "smoke": 64}, "other": {"thesis": 8192, "smoke": 64}}
VECTOR = {"thesis": 1 << 24, "smoke": 1 << 12}
"""Floats: far beyond the caches at thesis size."""


def matmul_timer(size: str, dtype: Any = jnp.float32, precision: Any = None) -> Callable[[], float]:
    """A timer that returns the GFLOP/s of one product of square matrices, already warm."""
    platform = jax.default_backend()
    n = MATRIX["cpu" if platform == "cpu" else "other"][size]
    a = jax.random.normal(jax.random.key(0), (n, n), dtype)
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision=precision))
    return _rate(product, (a, a), 2 * n**3 / 1e9)


def bandwidth_timer(size: str) -> Callable[[], float]:
    """A timer that returns the GB/s of a + 2 b over vectors that no cache holds, already warm."""
    n = VECTOR[size]
    a = jnp.ones((n,), jnp.float32)
    return _rate(jax.jit(lambda a, b: a + 2.0 * b), (a, a + 1.0), 3 * 4 * n / 1e9)


def roofline(
    gflop: float, gigabytes: float, ms: float, gflops: float, bandwidth: float
) -> dict[str, Any]:
    """Where a step stands under the roofline (Williams, Waterman & Patterson 2009).

    Args:
        gflop, gigabytes: of one step.
        ms: that it takes.
        gflops: the machine's ceiling.
        bandwidth: GB/s.

    Returns:
        Its intensity (FLOP per byte), the intensity at which the two roofs meet, which
        roof is above it, the GFLOP/s that the roof allows, and the share of it reached.
    """
    intensity = gflop / gigabytes
    ridge = gflops / bandwidth
    allowed = min(gflops, intensity * bandwidth)
    return {
        "flop_per_byte": intensity,
        "ridge_flop_per_byte": ridge,
        "bound_by": "compute" if intensity >= ridge else "memory",
        "roof_gflop_per_second": allowed,
        "share_of_roof": gflop / (ms / 1000) / allowed,
    }


def measured_ceiling(gflops: list[float], gigabytes: list[float]) -> dict[str, Any]:
    """The two ceilings as a record has them."""
    return {
        "matmul_gflop_per_second": spread(gflops),
        "bandwidth_gigabytes_per_second": spread(gigabytes),
    }


def _rate(program: Callable[..., Any], arguments: tuple[Any, ...], amount: float) -> Any:
    jax.block_until_ready(program(*arguments))

    def timer() -> float:
        program(*arguments).block_until_ready()
        started = time.perf_counter()
        program(*arguments).block_until_ready()
        return amount / (time.perf_counter() - started)

    return timer
