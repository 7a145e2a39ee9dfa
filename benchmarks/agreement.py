"""Checks that two forms of a model agree, before their speeds are compared."""

from collections.abc import Mapping

from cal_jax.errors import InputError

TOLERANCES = {"loss": 1e-4, "gradient_norm": 1e-3}
"""Of the first step's metrics, relative. A loss close to its initial value says little
of some layers; the gradient's norm says it of all."""


def require_agreement(
    what: str, metrics: Mapping[str, float], expected: Mapping[str, float]
) -> dict[str, float]:
    """The relative differences of a first step's loss and gradient norm.

    Args:
        what: is compared, for the message.
        metrics, expected: of both forms, from equal weights, batch and noise.

    Raises:
        InputError: one of them differs by more than its tolerance.
    """
    found = {}
    for name, tolerance in TOLERANCES.items():
        found[name] = abs(metrics[name] - expected[name]) / abs(expected[name])
        if not found[name] <= tolerance:
            raise InputError(
                f"{what}: {name} differs by {found[name]:.1e} of cal_jax's; "
                f"accepted: {tolerance:.0e}"
            )
    return found
