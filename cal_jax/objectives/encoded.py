"""Encoder features of a data set's items, computed once and reused."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

from cal_jax.distributions import Distribution
from cal_jax.objectives.checks import check_items
from cal_jax.objectives.items import blank_padding
from cal_jax.objectives.protocols import ContextAwareInference


class FeaturesGiven(NamedTuple):
    """Inference callables that reuse encoded items."""

    encode: Callable[[Array], Any]
    constant_contexts: Callable[[Any, Array, Array | None], Distribution]
    varying_contexts: Callable[[Any, Array, Array], Distribution]
    latent: Callable[[Any, Array], Distribution]


def encoded(inference: ContextAwareInference, x: Array, mask: Array | None) -> Any:
    """The features of the items, independent of the values of padding.

    Raises:
      InputError: for a set without items, or a mask of another length.
    """
    check_items(x, mask)
    return inference.encode(blank_padding(x, mask))


def given_features(inference: ContextAwareInference, h: Any) -> FeaturesGiven:
    """The inference callables with ``encode`` returning h."""
    return FeaturesGiven(
        lambda _: h, inference.constant_contexts, inference.varying_contexts, inference.latent
    )
