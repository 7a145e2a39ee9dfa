"""Checks of the shapes of an objective's arguments and the values of its items.

Shapes are static, so their checks cost nothing in a compiled program. Values are checked where
an array is concrete, outside ``jit``.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.distributions import Distribution, log_prob, require_support
from cal_jax.errors import InputError


def check_items(x: Array, mask: Array | None) -> None:
    """Refuse a set without items, or a mask of another length.

    Raises:
      InputError: x [N, *X] has no items, or mask is not [N].
    """
    if x.ndim < 1 or x.shape[0] < 1:
        raise InputError(f"x: shape {x.shape}; accepted: [N, *X], a data set of one item or more")
    if mask is not None and mask.shape != x.shape[:1]:
        raise InputError(f"mask: shape {mask.shape}; accepted: {x.shape[:1]}, one entry an item")


def check_constant_mask(a: Array) -> None:
    """Refuse a constant mask that is not a float array [K].

    Raises:
      InputError: then.
    """
    if a.ndim != 1:
        raise InputError(f"a: shape {a.shape}; accepted: [K], one entry a context")
    if not jnp.issubdtype(a.dtype, jnp.floating):
        raise InputError(f"a: dtype {a.dtype}; accepted: a float mask")


def check_contexts(constants: Array, a: Array) -> None:
    """Refuse a constant mask [K] whose length differs from the model's contexts [K, C].

    Raises:
      InputError: then.
    """
    if constants.ndim != 2:
        raise InputError(f"constant contexts: shape {constants.shape}; accepted: [K, C]")
    if constants.shape[0] != a.shape[0]:
        raise InputError(
            f"a: {a.shape[0]} entries; accepted: {constants.shape[0]}, as the model has contexts"
        )


def check_shape(array: Array, shape: tuple[int, ...], what: str) -> None:
    """Refuse an array of another shape: a missing axis would be broadcast silently.

    Args:
      array: returned by the model.
      shape: expected by the objective.
      what: its name, which opens the message.

    Raises:
      InputError: then.
    """
    if array.shape != shape:
        raise InputError(f"{what}: shape {array.shape}; accepted: {shape}")


def score_items(likelihood: Distribution, x: Array, batch: tuple[int, ...]) -> Array:
    """log p(x) of items [*batch, *X], in nats [*batch].

    Raises:
      InputError: a likelihood of another batch or event shape; concrete values
        outside its support.
    """
    found = getattr(likelihood, "batch_shape", batch)
    event = getattr(likelihood, "event_shape", x.shape[len(batch) :])
    if tuple(event) != x.shape[len(batch) :]:
        raise InputError(
            f"x: shape {x.shape}, items of shape {x.shape[len(batch) :]}; accepted: items of "
            f"shape {tuple(event)}, as the likelihood has them"
        )
    if tuple(found) != batch:
        raise InputError(f"likelihood: batch {tuple(found)}; accepted: {batch}, one entry an item")
    check_support(likelihood, x)
    nats = log_prob(likelihood, x)
    check_shape(nats, batch, "log_prob of the likelihood")
    return nats


def check_support(
    likelihood: Distribution | None, x: Any, mask: Any = None, what: str = "x"
) -> None:
    """Refuse concrete values that are not finite or lie outside a likelihood's support.

    Args:
      likelihood: of the items; None: any finite number.
      x: [..., *X]; nothing is checked while it is traced.
      mask: [...], 1 for items that count; None when all do.
      what: its name, which opens the message.

    Raises:
      InputError: then; it names the first such value.
    """
    if isinstance(x, jax.core.Tracer):
        return
    values = np.asarray(x)
    if mask is not None:
        values = values[np.asarray(mask) > 0]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{what}: NaN or infinity; accepted: finite numbers")
    if likelihood is not None:
        require_support(likelihood, values, what)


def layers_of(generative: Any, layers: int | None) -> int:
    """The number of stochastic layers of a neural statistician: as requested, or its model's.

    Raises:
      InputError: fewer than one, or a number that differs from the model's.
    """
    of_model = getattr(generative, "layers", None)
    if layers is None:
        layers = 1 if of_model is None else of_model
    if layers < 1:
        raise InputError(f"layers: {layers}; accepted: 1 or more")
    if of_model is not None and layers != of_model:
        raise InputError(f"layers: {layers}; accepted: {of_model}, as the model has")
    return layers


class WatchedGenerative:
    """A generative model that records the likelihoods it returns.

    Args:
      generative: the callables of an objective.
      likelihoods: the list that records them.
    """

    def __init__(self, generative: Any, likelihoods: list[Distribution]) -> None:
        self._generative, self._likelihoods = generative, likelihoods

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generative, name)

    def likelihood(self, *args: Any) -> Distribution:
        """The model's likelihood, recorded."""
        found = self._generative.likelihood(*args)
        self._likelihoods.append(found)
        return found
