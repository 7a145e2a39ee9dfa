"""Models small enough to compile in a second or two, shared by several tests."""

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.inference.mapping import init_variables
from cal_jax.models.context_aware.learner import ContextAwareConfig, ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo

TURNING = {"turning_context": 1, "constant_posterior": "experts", "tied": True, "context_dim": 5}
"""Changes of a small config: a context that turns."""
INVERTING = {"inverting_context": 1, "constant_posterior": "experts", "tied": True}
"""Changes of a small config: a context that inverts."""


def small_config(**changes):
    sizes = {
        "num_contexts": 2,
        "context_dim": 3,
        "latent_dim": 2,
        "image_size": 8,
        "image_network": "dense",
        "convolution_widths": (2, 3),
        "dense_width": 8,
        "view_width": 8,
        "statistic_width": 8,
        "inference_width": 8,
        "depth": 2,
    }
    return ContextAwareConfig(**{**sizes, **changes})


def small_model(**changes):
    """(model, variables)."""
    model = ContextAwareLearner(small_config(**changes))
    size, num_contexts = model.config.image_size, model.config.num_contexts
    x = jnp.zeros((2, size, size))
    label = jnp.zeros(num_contexts)
    return model, init_variables(context_aware_elbo, model, jax.random.key(0), x, label)


def binary_sets(num_sets, num_items, size=8, seed=0):
    """(x [M, N, H, W] in {0, 1}, labels [M, 2] with one constant context each)."""
    rng = np.random.default_rng(seed)
    x = (rng.random((num_sets, num_items, size, size)) < 0.4).astype(np.float32)
    return x, np.eye(2, dtype=np.float32)[np.arange(num_sets) % 2]
