"""Default components for a data set, by the type, shape and number of its items."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError
from cal_jax.models.components.decoders import ConvDecoder, DenseDecoder
from cal_jax.models.components.encoders import ConvEncoder, DenseEncoder
from cal_jax.models.components.likelihoods import (
    Bernoulli,
    DiscretizedLogistic,
    Likelihood,
    Normal,
)
from cal_jax.models.context_aware.config import AnyLabels, ContextAwareConfig, Latent, named
from cal_jax.models.context_aware.labels import PooledLabels
from cal_jax.models.context_aware.posteriors import SharedExperts
from cal_jax.models.context_aware.priors import Mixture
from cal_jax.nn.hidden import Hidden

Masks = Literal["known", "inferred"]

DENSE_NUMBERS = 4_096
"""Numbers of an item up to which a dense encoder reads it; larger images get convolutions."""
FEW_ITEMS, MANY_ITEMS = 2_000, 20_000
"""Items below which networks are narrow, and from which they are wide."""


def default_config(
    data: FactorDataset, contexts: Sequence[str], masks: Masks = "known", **choices: Any
) -> ContextAwareConfig:
    """Components for a data set; ``choices`` override any of them.

    Binary items get a Bernoulli likelihood, uint8 items a discretised logistic, others a
    Gaussian with learned scales. Posteriors are shared experts and the contexts' priors
    mixtures, the best components in this project's experiments.

    Args:
      data: the items.
      contexts: names of factors, one a context.
      masks: known, or inferred by a label network among the K masks with one constant context.
      choices: fields of ``ContextAwareConfig``.

    Raises:
      InputError: no factor of that name, a factor of one value, or components that do not fit.
    """
    names = tuple(contexts)
    data.require(*names)
    for name in names:
        if data.sizes[name] < 2:
            raise InputError(f"context {name!r}: one value; accepted: factors of 2 values or more")
    if masks not in ("known", "inferred"):
        raise InputError(f"masks {masks!r}; accepted: known, inferred")
    width = _width(data.num_items)
    encoder, decoder = DenseEncoder(width), DenseDecoder(width)
    fields: dict[str, Any] = {
        "contexts": named(*names),
        "context_dim": 16,
        "latent": Latent(16),
        "posterior": SharedExperts(max(64, width // 3)),
        "constant_prior": Mixture(components=20),
        "varying_prior": Mixture(components=20),
        "likelihood": default_likelihood(data),
        "labels": _labels(len(names), width) if masks == "inferred" else None,
        "hidden": Hidden(width=max(64, width // 3)),
    }
    if len(data.event_shape) in (2, 3) and math.prod(data.event_shape) > DENSE_NUMBERS:
        encoder, decoder = ConvEncoder(), ConvDecoder()  # type: ignore[assignment]
    return ContextAwareConfig(**{"encoder": encoder, "decoder": decoder, **fields, **choices})


def default_likelihood(data: FactorDataset) -> Likelihood:
    """Bernoulli for items in {0, 1}, discretised logistic for uint8, Normal for other numbers."""
    if data.render is None and np.isin(data.items, (0, 1)).all():
        return Bernoulli()
    return DiscretizedLogistic() if data.items.dtype == np.uint8 else Normal()


def _width(num_items: int) -> int:
    if num_items < FEW_ITEMS:
        return 128
    return 384 if num_items >= MANY_ITEMS else 256


def _labels(num_contexts: int, width: int) -> AnyLabels:
    return PooledLabels(num_labels=num_contexts, pre_width=width, post_width=64)
