"""The packages of the extra ``fonts``, imported where they are used."""

import importlib
from typing import Any

from cal_jax.errors import InputError


def needed(module: str) -> Any:
    """A module of fontTools or Pillow, such as ``PIL.ImageFont``.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module.partition('.')[0]}: not installed; accepted: pip install 'cal-jax[fonts]'"
        ) from error
