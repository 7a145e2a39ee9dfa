"""Models small enough to compile in a second or two, shared by several tests."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.inference.mapping import init_variables
from cal_jax.models.components.decoders import ConvDecoder, DenseDecoder
from cal_jax.models.components.encoders import ConvEncoder, DenseEncoder, EquivariantEncoder
from cal_jax.models.context_aware.actions import Inversion, Rotation
from cal_jax.models.context_aware.config import Context, ContextAwareConfig, Latent
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import SharedExperts, Statistic
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo

SIZE = 8

CONVOLUTIONAL = {"encoder": ConvEncoder((2, 3)), "decoder": ConvDecoder((2, 3))}
"""Changes of a small config: convolutions in place of dense layers."""
ROTATING = {
    "contexts": (Context("digit"), Context("rotation", Rotation(DenseEncoder(8)))),
    "encoder": EquivariantEncoder(8),
    "posterior": SharedExperts(8),
    "context_dim": 5,
}
"""Changes of a small config: a context that rotates."""
INVERTING = {
    "contexts": (Context("digit"), Context("background", Inversion())),
    "posterior": SharedExperts(8),
}
"""Changes of a small config: a context that inverts."""
BOTH_ACTIONS = {
    **ROTATING,
    "contexts": (*ROTATING["contexts"], Context("background", Inversion())),
}
"""Changes of a small config: one context of three rotates, another inverts."""


def contexts_of(count):
    """Contexts without an action."""
    return tuple(Context(f"context_{k}") for k in range(count))


def small_config(**changes):
    config = ContextAwareConfig(
        contexts=contexts_of(2),
        context_dim=3,
        latent=Latent(2),
        encoder=DenseEncoder(8),
        decoder=DenseDecoder(8),
        posterior=Statistic(8),
        hidden=Hidden(width=8, depth=2),
    )
    return replace(config, **changes)


def small_model(event_shape=(SIZE, SIZE), **changes):
    """(model, variables)."""
    model = ContextAwareLearner(small_config(**changes), event_shape)
    x = jnp.zeros((2, *event_shape))
    label = jnp.zeros(model.config.num_contexts)
    return model, init_variables(context_aware_elbo, model, jax.random.key(0), x, label)


def binary_sets(num_sets, num_items, size=SIZE, seed=0):
    """(x [M, N, H, W] in {0, 1}, labels [M, 2] with one constant context each)."""
    rng = np.random.default_rng(seed)
    x = (rng.random((num_sets, num_items, size, size)) < 0.4).astype(np.float32)
    return x, np.eye(2, dtype=np.float32)[np.arange(num_sets) % 2]
