"""The training loop of an oracle."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

REPORTS = 20
"""Times that the loss is told, about."""


def minimise(
    loss_of: Callable[[Any, jax.Array], Callable[[Any], Any]],
    variables: Any,
    optimiser: optax.GradientTransformation,
    steps: int,
    data: Any,
    progress: Callable[[int, float], None] | None = None,
) -> Any:
    """Variables after so many steps, each on a batch of its own.

    Args:
        loss_of: (data, the step's index, a scalar) -> the loss of that step's batch, a
            function of the variables; jittable.
        variables: initial ones; they are overwritten.
        optimiser: of the variables.
        steps: how many.
        data: arrays for ``loss_of``.
        progress: called with (steps done, the loss) about ``REPORTS`` times.

    Returns:
        NumPy arrays.
    """

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(
        variables: Any, moments: Any, data: Any, index: jax.Array
    ) -> tuple[Any, Any, jax.Array]:
        loss, gradient = jax.value_and_grad(loss_of(data, index))(variables)
        update, moments = optimiser.update(gradient, moments, variables)
        return optax.apply_updates(variables, update), moments, loss

    moments, every = optimiser.init(variables), max(1, steps // REPORTS)
    for index in range(steps):
        variables, moments, loss = step(variables, moments, data, jnp.int32(index))
        if progress is not None and (index + 1) % every == 0:
            progress(index + 1, float(loss))
    return jax.device_get(variables)
