"""The oracle of point sets: a small classifier of the digit of a set of points.

Every score is a share of its predictions, so its accuracy on real sets is each score's
ceiling. It is trained on new point sets of training images only. Fixed features of
each point, their mean over the points, and a network of that mean: the order of the
points does not matter (Zaheer et al. 2017, "Deep Sets"). The features are bumps on a
grid, so the mean is a blurred image, for which convolutions are more accurate and faster
than dense layers on learned features.

Shape letters: B sets in a batch, N points in a set, G grid points an axis.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax

from cal_jax.cli.progress import Progress
from cal_jax.data.images import NUM_CLASSES, LabelledImages
from cal_jax.data.point_sets import HALF_WIDTH, draw_points, require_ink
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.minimise import minimise
from cal_jax.inference.sampler import in_batches
from cal_jax.nn.patches import patches

PREDICT_BATCH = 500

BUMP = 0.7
"""Standard deviation of a point's bump, in grid spacings."""


@dataclass(frozen=True)
class PointOracleConfig:
    """Configuration of an oracle of point sets."""

    grid: int = 20
    """G."""
    channels: tuple[int, ...] = (32, 64)
    """Of the convolutions: the first 5 x 5, the others 3 x 3, all with stride 2."""
    width: int = 256
    """Units of the dense layer."""
    steps: int = 1_500
    batch_size: int = 128
    """Sets in a step."""
    learning_rate: float = 2e-3
    """Adam's, at the start; it falls to zero along a cosine."""
    seed: int = 0
    """Of the parameters, the images and their points: not the run's."""

    def __post_init__(self) -> None:
        least = {"grid": 2, "width": 1, "steps": 1, "batch_size": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InputError(
                    f"oracle.{name} must be at least {smallest}: got {getattr(self, name)}"
                )
        if not self.channels or min(self.channels) < 1:
            raise InputError(
                f"oracle.channels must be one or more of at least 1: got {self.channels}"
            )
        if not self.learning_rate > 0:
            raise InputError(f"oracle.learning_rate must be positive: got {self.learning_rate}")


class PointOracle(NamedTuple):
    """A trained oracle of point sets."""

    variables: Any
    config: PointOracleConfig


class PointNetwork(nn.Module):
    """Logits of a point set's digit; with LayerNorm, independent of other sets in a batch."""

    config: PointOracleConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Points [B, N, 2] to logits [B, 10]."""
        h = soft_histogram(x, self.config.grid)[..., None]
        for layer, channels in enumerate(self.config.channels):
            h = patches(h, 5 if layer == 0 else 3, 2)
            h = nn.relu(nn.LayerNorm()(nn.Dense(channels)(h)))
        h = nn.Dense(self.config.width)(h.reshape(h.shape[0], -1))
        return nn.Dense(NUM_CLASSES)(nn.relu(nn.LayerNorm()(h)))


def soft_histogram(x: jax.Array, grid: int) -> jax.Array:
    """The mean over the points of a bump at each, on a grid over the image's square.

    Args:
        x: [B, N, 2].
        grid: G.

    Returns:
        [B, G, G], y upwards along the second axis.
    """
    spacing = 2 * HALF_WIDTH / (grid - 1)
    centres = jnp.linspace(-HALF_WIDTH, HALF_WIDTH, grid)
    distances = (x[..., None] - centres[None, None, None, :]) / (BUMP * spacing)
    bumps = jnp.exp(-0.5 * distances**2)
    return grid / x.shape[1] * jnp.einsum("bni,bnj->bij", bumps[:, :, 1], bumps[:, :, 0])


def train_point_oracle(
    images: LabelledImages, num_points: int, config: PointOracleConfig
) -> PointOracle:
    """Train an oracle on points drawn at every step.

    Args:
        images: to train on, none of them blank.
        num_points: N, of each set.
        config: how to build and train it; with the images and N it decides the result.

    Raises:
        InputError: see ``cal_jax.data.point_sets.require_ink``.
    """
    require_ink(images.images)
    network = PointNetwork(config)
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    init_key, step_key = jax.random.split(jax.random.key(config.seed))
    variables = jax.jit(network.init)(init_key, jnp.zeros((1, num_points, 2)))
    draw = jax.vmap(functools.partial(draw_points, num_points=num_points))

    def loss_of(data: Any, index: jax.Array) -> Callable[[Any], Any]:
        grey, digits = data
        row_key, point_key = jax.random.split(jax.random.fold_in(step_key, index))
        rows = jax.random.randint(row_key, (config.batch_size,), 0, len(digits))
        x = draw(jax.random.split(point_key, config.batch_size), grey[rows])

        def loss(variables: Any) -> jax.Array:
            logits = network.apply(variables, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, digits[rows]).mean()

        return loss

    data = jnp.asarray(images.images), jnp.asarray(images.labels)
    with Progress(config.steps, "oracle") as progress:
        variables = minimise(
            loss_of,
            variables,
            optimiser,
            config.steps,
            data,
            lambda step, loss: progress.update(step, {"loss": loss}),
        )
    return PointOracle(variables, config)


def predict(oracle: PointOracle, x: np.ndarray) -> np.ndarray:
    """The most probable digit of every set.

    Args:
        oracle: a trained oracle.
        x: [M, N, 2].

    Returns:
        int32 [M].

    Raises:
        InputError: another shape, or no sets.
    """
    points = np.asarray(x, np.float32)
    if points.ndim != 3 or points.shape[2] != 2 or not points.size:
        raise InputError(f"point sets of shape {points.shape}; accepted: [M, N, 2], no axis empty")
    read = functools.partial(_read, PointNetwork(oracle.config), oracle.variables)
    return in_batches(read, points, size=PREDICT_BATCH)


def accuracy(oracle: PointOracle, x: np.ndarray, digits: np.ndarray) -> float:
    """The accuracy of predictions on sets [M, N, 2] with digits [M]."""
    return float(np.mean(predict(oracle, x) == digits))


def digest(oracle: PointOracle) -> str:
    """SHA-256 (hex) of the names, shapes and values of the parameters."""
    total = hashlib.sha256()
    flat = flax.traverse_util.flatten_dict(oracle.variables, sep="/")
    for name, array in sorted(flat.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


@functools.partial(jax.jit, static_argnums=0)
def _read(network: PointNetwork, variables: Any, x: jax.Array) -> jax.Array:
    logits: Any = network.apply(variables, x)
    return logits.argmax(axis=-1).astype(jnp.int32)
