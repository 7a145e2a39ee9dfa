"""A task that compiles in a moment: sets of noisy points around one learned mean."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cal_jax.axes import DEVICE
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.training.config import SeedTask, Task
from cal_jax.training.step import DataSet

NUM_SETS = 12


class ToyTerms(NamedTuple):
    """Of one set and sample."""

    elbo: Array
    reconstruction: Array
    kl_latent: Array


def mapped(variables, keys, x, *, mask=None):
    """Terms [B, S] of sets x [B, N, 2], and a running average of the items' mean."""
    mean, average = variables["params"]["mean"], variables["batch_stats"]["average"]
    counted = jnp.ones(x.shape[:2]) if mask is None else mask
    noise = jax.vmap(jax.vmap(lambda key: jax.random.normal(key, (2,))))(keys)
    off = x[:, None] - mean[None, None, None] - 0.1 * noise[:, :, None]
    reconstruction = -jnp.sum(counted[:, None] * jnp.sum(off**2, axis=-1), axis=-1)
    kl = jnp.broadcast_to(jnp.sum(mean**2), reconstruction.shape)
    total = jax.lax.psum(jnp.sum(counted[..., None] * x, axis=(0, 1)), DEVICE)
    items = jax.lax.psum(jnp.sum(counted), DEVICE)
    updated = {"average": 0.9 * average + 0.1 * total / items}
    return ToyTerms(reconstruction - kl, reconstruction, kl), updated


def toy_task(seed, *, masked=False, draws=None, scale=1.0):
    """Sets of a seed; ``draws`` counts the traces, ``scale`` spoils what is drawn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(NUM_SETS, 3, 2)).astype(np.float32) * np.float32(scale)

    def draw(_, data, row):
        if draws is not None:
            draws.append(1)
        mask = (jnp.arange(3) <= row % 3).astype(jnp.float32) if masked else None
        return DataSet((data[0][row] + data[1][None],), mask)

    def init():
        mean = np.random.default_rng((seed, 1)).normal(size=2).astype(np.float32)
        return {"params": {"mean": mean}, "batch_stats": {"average": np.zeros(2, np.float32)}}

    shift = np.ones(2, np.float32)
    return Task(init, mapped, weighted_objective, draw, (x, shift), NUM_SETS)


def toy_run(folder, seed, **options):
    """A seed's run in a folder."""
    return SeedTask(folder, seed, toy_task(seed, **options), {"seed": seed})


def assert_bit_equal(got, want):
    """Two trees of arrays."""

    def check(leaf, other):
        assert np.asarray(leaf).tobytes() == np.asarray(other).tobytes()

    jax.tree.map(check, got, want)
