"""Comparison of variables with those that a model has."""

from collections.abc import Mapping
from typing import Any

import flax.traverse_util
import numpy as np

_SHOWN = 3
"""Leaves named in one message."""


def flat(variables: Any) -> dict[str, Any]:
    """Leaves by their path, as params/encoder/Dense_0/kernel."""
    return flax.traverse_util.flatten_dict(variables, sep="/")


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Leaves that are missing, of another shape or not wanted, in one line; empty: none is.

    Args:
      found: leaves by name.
      wanted: those of the model, of which the shapes count.
    """
    shapes = [{name: np.shape(leaf) for name, leaf in leaves.items()} for leaves in (found, wanted)]
    wrong = [
        f"{name} is {shapes[0].get(name, 'missing')}, wanted {shapes[1].get(name, 'none')}"
        for name in sorted(shapes[0].keys() | shapes[1].keys(), key=_parameters_first)
        if shapes[0].get(name) != shapes[1].get(name)
    ]
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + more


def _parameters_first(name: str) -> tuple[bool, str]:
    return not name.startswith("params/"), name
