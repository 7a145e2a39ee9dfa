"""The extra ``benchmarks``: PyTorch, which only the twins need."""

import importlib.util

from cal_jax.errors import InputError


def require_torch() -> None:
    """Refuse to start without PyTorch.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError("torch: not installed; accepted: the extra cal-jax[benchmarks]")
