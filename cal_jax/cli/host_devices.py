"""The host's CPU as several devices, for pmap over what XLA does not run in parallel."""

import contextlib
import os
from typing import Any

import jax

FORCED = "xla_force_host_platform_device_count"


def divide_host(count: int) -> None:
    """Make so many devices of the CPU, unless there are more, or JAX has started already.

    Where XLA_FLAGS says how many there are, it stays so: JAX takes no second opinion.
    """
    config: Any = jax.config  # whose annotation does not name its options
    if FORCED in os.environ.get("XLA_FLAGS", "") or count <= config.jax_num_cpu_devices:
        return
    with contextlib.suppress(RuntimeError):  # JAX has started: those that there are must do
        config.update("jax_num_cpu_devices", count)
