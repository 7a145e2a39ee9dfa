"""The oracle of sprites: a classifier of all six factors of a frame, trained apart.

Pixels are dropped and disturbed in training, so that no reading hangs on a few of them. Shape
letters: B frames, F factors, V values of a factor.
"""

import functools
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax

from cal_jax.cli.progress import Progress
from cal_jax.config import require_at_least
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.sprite_frames import BACKGROUND
from cal_jax.evaluation.oracle.minimise import minimise
from cal_jax.inference.sampler import in_batches

PREDICT_BATCH = 500


@dataclass(frozen=True)
class OracleConfig:
    """Configuration of an oracle and its training."""

    width: int = 256
    """Units of both layers."""
    steps: int = 1_500
    batch_size: int = 128
    """Frames in a step."""
    learning_rate: float = 1e-3
    """Adam's, at the start; it falls to zero along a cosine."""
    dropped: float = 0.3
    """Share of the pixels that a step makes background."""
    noise: float = 0.1
    """Standard deviation of what a step adds to levels, which are 0 to 2."""
    seed: int = 0
    """Of the parameters and frames: not the run's."""

    def __post_init__(self) -> None:
        require_at_least(self, width=1, steps=1, batch_size=1, dropped=0, noise=0)


class Oracle(NamedTuple):
    """A trained oracle."""

    variables: Any
    config: OracleConfig
    sizes: tuple[int, ...]
    """V of each factor."""


class OracleNetwork(nn.Module):
    """Logits of every factor from a frame; LayerNorm, so that frames do not affect each other."""

    sizes: Sequence[int]
    width: int

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, ...]:
        """Levels [B, *X] from 0 to 2 to F arrays of logits [B, V]."""
        h = x.reshape(len(x), -1)
        for _ in range(2):
            h = nn.relu(nn.LayerNorm()(nn.Dense(self.width)(h)))
        return tuple(nn.Dense(size)(h) for size in self.sizes)


def train_oracle(frames: FactorDataset, names: Sequence[str], config: OracleConfig) -> Oracle:
    """Train an oracle on frames that are drawn and rendered at every step.

    Args:
      frames: to train on.
      names: of the factors that it reads.
      config: how; with the frames it decides the result.
    """
    sizes = tuple(frames.sizes[name] for name in names)
    network, show = OracleNetwork(sizes, config.width), frames.show(())
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    init_key, step_key = jax.random.split(jax.random.key(config.seed))
    variables = jax.jit(network.init)(init_key, jnp.zeros((1, *frames.event_shape)))

    def loss_of(data: Any, index: jax.Array) -> Callable[[Any], Any]:
        items, table = data
        keys = jax.random.split(jax.random.fold_in(step_key, index), 4)
        rows = jax.random.randint(keys[0], (config.batch_size,), 0, len(items))
        x = _centred(show(items[rows], jnp.zeros((config.batch_size, 0), jnp.int32), keys[1]))
        x = x * jax.random.bernoulli(keys[2], 1.0 - config.dropped, (*x.shape[:-1], 1))
        x = x + config.noise * jax.random.normal(keys[3], x.shape)

        def loss(variables: Any) -> jax.Array:
            losses = [
                optax.softmax_cross_entropy_with_integer_labels(logits, table[rows, k]).mean()
                for k, logits in enumerate(network.apply(variables, x))
            ]
            return jnp.sum(jnp.stack(losses))

        return loss

    data = jnp.asarray(frames.items), jnp.asarray(frames.columns(names))
    with Progress(config.steps, "oracle") as progress:
        variables = minimise(
            loss_of,
            variables,
            optimiser,
            config.steps,
            data,
            lambda step, loss: progress.update(step, {"loss": loss}),
        )
    return Oracle(variables, config, sizes)


def read(oracle: Oracle, frames: np.ndarray) -> np.ndarray:
    """The most probable value of every factor, int32 [..., F].

    Args:
      oracle: a trained oracle.
      frames: levels 0 to 255, [..., H, W, 3].
    """
    leading, event = frames.shape[:-3], frames.shape[-3:]
    rows = frames.reshape(math.prod(leading), *event)
    network = OracleNetwork(oracle.sizes, oracle.config.width)
    found = in_batches(
        functools.partial(_read, network, oracle.variables), rows, size=PREDICT_BATCH
    )
    return np.asarray(found).reshape(*leading, len(oracle.sizes))


def digest(oracle: Oracle) -> str:
    """SHA-256 (hex) of the names, shapes and values of the parameters."""
    total = hashlib.sha256()
    flat = flax.traverse_util.flatten_dict(oracle.variables, sep="/")
    for name, array in sorted(flat.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _centred(levels: jax.Array) -> jax.Array:
    """Levels 0 to 255 as numbers of which the background is 0."""
    return (levels.astype(jnp.float32) - BACKGROUND) / 127.5


@functools.partial(jax.jit, static_argnums=0)
def _read(network: OracleNetwork, variables: Any, frames: jax.Array) -> jax.Array:
    logits: Any = network.apply(variables, _centred(frames))
    return jnp.stack([of.argmax(axis=-1) for of in logits], axis=-1).astype(jnp.int32)
