"""The switch of the CPU forms."""

import os

import jax

from cal_jax.errors import InputError

VARIABLE = "CAL_JAX_FAST"
_chosen: bool | None = None


def use(on: bool) -> None:
    """Use the forms of ``fast`` on a CPU, or the plain ones of ``nn`` everywhere.

    It overrides the environment variable ``CAL_JAX_FAST`` (0 or 1; default 1). Layers choose
    while they are traced, so compiled programs are dropped where the choice changes.
    """
    global _chosen
    before, _chosen = wanted(), on
    if on != before:
        jax.clear_caches()


def enabled() -> bool:
    """Whether a layer traced now takes its CPU form; False on an accelerator.

    Raises:
      InputError: see ``wanted``.
    """
    return wanted() and jax.default_backend() == "cpu"


def wanted() -> bool:
    """Whether the CPU forms are on, irrespective of the device.

    Raises:
      InputError: the environment variable is neither 0 nor 1.
    """
    if _chosen is not None:
        return _chosen
    value = os.environ.get(VARIABLE, "1")
    if value not in ("0", "1"):
        raise InputError(f"{VARIABLE}={value}; accepted: 0, 1")
    return value == "1"
