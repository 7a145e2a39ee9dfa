"""Several devices of the host's CPU, for pmap over what XLA does not run in parallel."""

import argparse
import contextlib
from typing import Any

import jax

from cal_jax.errors import InputError
from cal_jax.training.parallel import choose_devices


def add_host_devices(parser: argparse.ArgumentParser) -> None:
    """The flag ``--host-devices``."""
    parser.add_argument(
        "--host-devices",
        type=int,
        default=1,
        metavar="D",
        help="devices that the CPU is divided into, and the batch with it (default: 1)",
    )


def use_host_devices(count: int) -> list[jax.Device]:
    """So many devices; on a CPU they are made, before JAX has found its own.

    Raises:
        InputError: fewer than 1, or more than there are.
    """
    if count < 1:
        raise InputError(f"--host-devices {count}; accepted: 1 or more")
    config: Any = jax.config  # whose annotation does not name its options
    if count > config.jax_num_cpu_devices:
        with contextlib.suppress(RuntimeError):  # JAX has started: those that there are must do
            config.update("jax_num_cpu_devices", count)
    return choose_devices(count)
