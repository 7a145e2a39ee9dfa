"""The number of CPU devices over which a benchmark divides its batch."""

import argparse

import jax

from benchmarks.workloads import ModelName
from cal_jax.cli.host_devices import divide_host
from cal_jax.errors import InputError
from cal_jax.training.parallel import choose_devices

HOST_DEVICES: dict[ModelName, int] = {"vae": 1, "statistician": 1, "context_aware": 2}
"""The fastest number for each model on two cores: ``python -m benchmarks.processes``."""


def add_host_devices(parser: argparse.ArgumentParser) -> None:
    """The flag ``--host-devices``."""
    of_models = ", ".join(f"{count} of {model}" for model, count in HOST_DEVICES.items())
    parser.add_argument(
        "--host-devices",
        type=int,
        metavar="D",
        help="devices that the CPU is divided into, and the batch with it "
        f"(default: {of_models}; 1 of an accelerator)",
    )


def devices_of(flags: argparse.Namespace) -> list[jax.Device]:
    """As many devices as were asked for, or those of the model.

    Raises:
        InputError: fewer than 1 asked for, or more than there are.
    """
    if flags.host_devices is not None:
        return use_host_devices(flags.host_devices)
    quickest = HOST_DEVICES[flags.model]
    divide_host(quickest)
    on_cpu = jax.default_backend() == "cpu"
    return choose_devices(min(quickest, jax.local_device_count()) if on_cpu else 1)


def use_host_devices(count: int) -> list[jax.Device]:
    """So many devices; on a CPU they are made, before JAX has found its own.

    Raises:
        InputError: fewer than 1, or more than there are.
    """
    if count < 1:
        raise InputError(f"--host-devices {count}; accepted: 1 or more")
    divide_host(count)
    return choose_devices(count)
