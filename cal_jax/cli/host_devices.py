"""Division of the host's CPU into several devices, for pmap."""

import contextlib
import os
from typing import Any

import jax

FORCED = "xla_force_host_platform_device_count"


def divide_host(count: int) -> None:
    """Divide the CPU into this many devices, unless there are more or JAX has started.

    A number of devices in XLA_FLAGS takes precedence.
    """
    config: Any = jax.config  # whose annotation does not name its options
    if FORCED in os.environ.get("XLA_FLAGS", "") or count <= config.jax_num_cpu_devices:
        return
    with contextlib.suppress(RuntimeError):  # JAX has started: those that there are must do
        config.update("jax_num_cpu_devices", count)
