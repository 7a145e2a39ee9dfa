"""Activation functions by name, and their initialisers."""

from typing import Literal, get_args

import flax.linen as nn
from flax.typing import Initializer
from jax import Array

from cal_jax.errors import InputError

Activation = Literal["relu", "selu"]
"""relu; or selu (Klambauer et al. 2017), which keeps activations near mean 0 and variance 1 by
itself, without a normalisation layer (thesis 3.4.2)."""


def activate(activation: Activation, x: Array) -> Array:
    """Apply an activation elementwise.

    Raises:
      InputError: for an unknown name.
    """
    functions = {"relu": nn.relu, "selu": nn.selu}
    if activation not in functions:
        accepted = ", ".join(get_args(Activation))
        raise InputError(f"activation must be one of {accepted}: got {activation!r}")
    y: Array = functions[activation](x)
    return y


def initialiser(activation: Activation) -> Initializer:
    """The preceding kernel's initialiser: He et al. 2015 for relu, fan-in variance 1 for selu."""
    if activation == "selu":
        return nn.initializers.lecun_normal()
    return nn.initializers.he_normal()
