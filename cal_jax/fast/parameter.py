"""A layer's parameter, whose shape the layer knows.

Flax traces the initialiser of a parameter that is there, only to learn the shape, each time
that a model is traced: a tenth of what it takes to trace a step of the context-aware learner.
"""

import flax.linen as nn
import jax.numpy as jnp
from flax.typing import Initializer
from jax import Array

from cal_jax.errors import InputError


def parameter(
    layer: nn.Module, name: str, initialiser: Initializer, shape: tuple[int, ...]
) -> Array:
    """What ``layer.param(name, initialiser, shape)`` gives.

    Args:
      layer: inside its ``__call__``.
      name: of the parameter.
      initialiser: draws it, from a key and the shape, where there is none yet.
      shape: its own.

    Raises:
      InputError: the variables hold one of another shape.
    """
    if not layer.has_variable("params", name):
        drawn: Array = layer.param(name, initialiser, shape)
        return drawn
    value: Array = layer.get_variable("params", name)
    if jnp.shape(value) != shape:
        raise InputError(
            f"the parameter {'/'.join((*layer.path, name))} has the shape {jnp.shape(value)}, "
            f"and the model asks for {shape}: these variables are of another model"
        )
    return value
