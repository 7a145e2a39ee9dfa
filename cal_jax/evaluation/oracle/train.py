"""The oracle: one small CNN with a head per factor, which classifies generated images.

Every score is a share of its predictions, so its accuracy on real images is each
score's ceiling (published beside it). It is trained on training images only.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from cal_jax.config import omit_default
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle.minimise import minimise
from cal_jax.evaluation.oracle.network import OracleNetwork

DrawBatch = Callable[[jax.Array, Any], tuple[jax.Array, jax.Array]]
"""(key, data) -> images [B, H, W] and the values of their factors, int [B, F]."""

SMALLEST_IMAGE = 8
PREDICT_BATCH = 100
"""Images at once: on a CPU, 500 take twice as long an image, as no cache holds their features."""


@dataclass(frozen=True)
class OracleConfig:
    """Configuration of an oracle; the defaults suit MNIST at 14 x 14.

    Attributes:
        widths: channels of the convolutions, then the units of the dense layer.
        steps: training steps.
        batch: images in a batch of `draw_batch`; recorded here
            because it determines the result.
        learning_rate: Adam's peak; it rises over the first 5 % of the steps and
            falls to zero along a cosine.
        dropout: share of the dense layer's units dropped in training.
        shift: training images move by up to this many pixels in each direction.
        max_blur: training images are blurred by Gaussians of up to this many pixels and
            sampled again, which removes interpolation blur as a cue to a factor.
        seed: of the initial parameters, the draws, the shifts, the blurs and the dropout.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    steps: int = 3_000
    batch: int = 128
    learning_rate: float = 4e-3
    dropout: float = 0.1
    shift: int = 0
    max_blur: float = omit_default(0.0)
    seed: int = 0


class Oracle(NamedTuple):
    """A trained oracle.

    Attributes:
        variables: the parameters of its network.
        factors: the names of the factors, length F.
        sizes: the number of values of each factor, length F.
        image_size: pixels on a side.
        config: of its network and training.
    """

    variables: Any
    factors: tuple[str, ...]
    sizes: tuple[int, ...]
    image_size: int
    config: OracleConfig


def network_of(sizes: tuple[int, ...], config: OracleConfig) -> OracleNetwork:
    """The network that `config` describes, with a head for each of `sizes`."""
    return OracleNetwork(sizes=sizes, widths=config.widths, dropout=config.dropout)


def train_oracle(
    draw_batch: DrawBatch,
    data: Any,
    factors: Mapping[str, int],
    image_size: int,
    config: OracleConfig,
    *,
    progress: Callable[[int, float], None] | None = None,
) -> Oracle:
    """Train an oracle on batches drawn at every step.

    Args:
        draw_batch: a jittable function of a key and of `data`: images [B, H, W] in
            {0, 1} and values int [B, F], in the order of `factors`.
        data: arrays for `draw_batch`.
        factors: the number of values of each factor.
        image_size: H = W, at least 8.
        config: of the network and training.
        progress: called with (steps done, the loss in nats per image) about 20 times.
    """
    names, sizes = tuple(factors), tuple(factors.values())
    _check(draw_batch, data, sizes, image_size, config)
    network = network_of(sizes, config)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, config.steps // 20, config.steps
    )
    optimiser = optax.adam(schedule)
    init_key, step_key = jax.random.split(jax.random.key(config.seed))
    blank = jnp.zeros((1, image_size, image_size))
    variables = jax.jit(functools.partial(network.init, train=False))(init_key, blank)

    def loss_of(data: Any, index: jax.Array) -> Callable[[Any], Any]:
        draw_key, shift_key, dropout_key = jax.random.split(jax.random.fold_in(step_key, index), 3)
        x, values = draw_batch(draw_key, data)
        x = _shifted(shift_key, x, config.shift)
        # A separate key would change the published oracle. In 256,000 images, widths and
        # pixels drawn from this one are independent of row and rotation.
        x = _blurred(draw_key, x, config.max_blur)

        def loss(variables: Any) -> jax.Array:
            logits = network.apply(variables, x, train=True, rngs={"dropout": dropout_key})
            return sum(
                optax.softmax_cross_entropy_with_integer_labels(head, values[:, f]).mean()
                for f, head in enumerate(logits)
            )

        return loss

    data = jax.device_put(data)
    variables = minimise(loss_of, variables, optimiser, config.steps, data, progress)
    return Oracle(variables, names, sizes, image_size, config)


def predict(oracle: Oracle, x: ArrayLike) -> np.ndarray:
    """The most probable value of every factor.

    Args:
        oracle: a trained oracle.
        x: images [..., H, W] in {0, 1}; decoder means in [0, 1] are accepted.

    Returns:
        int32 [..., F].
    """
    heads = read_logits(oracle, x)
    return np.stack([head.argmax(axis=-1) for head in heads], axis=-1).astype(np.int32)


def read_logits(oracle: Oracle, x: ArrayLike) -> tuple[np.ndarray, ...]:
    """The logits of every factor's values, F arrays float32 [..., sizes[f]].

    Args:
        oracle: a trained oracle.
        x: images, see ``predict``.
    """
    images = np.asarray(x, np.float32)
    side = oracle.image_size
    if images.shape[-2:] != (side, side):
        raise InputError(f"the oracle reads {side} x {side} images, not shape {images.shape}")
    flat = images.reshape(-1, side, side)
    network = network_of(oracle.sizes, oracle.config)
    found = [np.empty((len(flat), size), np.float32) for size in oracle.sizes]
    for start in range(0, len(flat), PREDICT_BATCH):
        batch = flat[start : start + PREDICT_BATCH]
        padded = np.zeros((PREDICT_BATCH, side, side), np.float32)
        padded[: len(batch)] = batch
        for head, of in zip(found, _read(network, oracle.variables, padded), strict=True):
            head[start : start + len(batch)] = of[: len(batch)]
    return tuple(head.reshape(*images.shape[:-2], head.shape[1]) for head in found)


def accuracy(oracle: Oracle, x: ArrayLike, values: ArrayLike) -> dict[str, float]:
    """The accuracy of the predictions, by factor.

    Args:
        oracle: a trained oracle.
        x: images [..., H, W].
        values: the true values, int [..., F].
    """
    right = predict(oracle, x) == np.asarray(values)
    return {name: float(right[..., f].mean()) for f, name in enumerate(oracle.factors)}


@functools.partial(jax.jit, static_argnums=0)
def _read(network: OracleNetwork, variables: Any, x: jax.Array) -> tuple[jax.Array, ...]:
    logits: Any = network.apply(variables, x, train=False)
    return tuple(logits)


def _shifted(key: jax.Array, x: jax.Array, most: int) -> jax.Array:
    """Shift each image of [B, H, W] by -most to most pixels a side, with replicated borders."""
    if most == 0:
        return x
    padded = jnp.pad(x, ((0, 0), (most, most), (most, most)), mode="edge")
    corners = jax.random.randint(key, (x.shape[0], 2), 0, 2 * most + 1)
    return jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, corner, x.shape[1:]))(
        padded, corners
    )


def _blurred(key: jax.Array, x: jax.Array, most: float) -> jax.Array:
    """Blur each image of [B, H, W] by up to ``most`` pixels, and sample its pixels again.

    The Gaussian's standard deviation is uniform; it is truncated at two pixels, and borders
    are replicated.
    """
    if most == 0:
        return x
    width_key, draw_key = jax.random.split(key)
    widths = most * jax.random.uniform(width_key, (x.shape[0], 1), minval=1e-3)
    taps = jax.nn.softmax(-0.5 * jnp.square(jnp.arange(-2, 3)[None] / widths))[..., None, None]
    blurred = x
    for axis, side in ((1, x.shape[1]), (2, x.shape[2])):
        margin = [(2, 2) if at == axis else (0, 0) for at in range(3)]
        padded = jnp.pad(blurred, margin, mode="edge")
        windows = [
            jax.lax.slice_in_dim(padded, start, start + side, axis=axis) for start in range(5)
        ]
        blurred = jnp.sum(taps * jnp.stack(windows, axis=1), axis=1)
    return jax.random.bernoulli(draw_key, jnp.clip(blurred, 0, 1)).astype(x.dtype)


def _check(
    draw_batch: DrawBatch,
    data: Any,
    sizes: tuple[int, ...],
    image_size: int,
    config: OracleConfig,
) -> None:
    if image_size < SMALLEST_IMAGE:
        raise InputError(
            f"an oracle reads images of {SMALLEST_IMAGE} pixels or more, not {image_size}"
        )
    if not sizes or min(sizes) < 2:
        raise InputError(f"an oracle needs factors of two values or more, not sizes {sizes}")
    if config.steps < 1 or len(config.widths) < 2:
        raise InputError("an oracle needs at least one step and two widths")
    if not 0 <= config.max_blur <= 2:
        raise InputError(
            f"an oracle's max_blur must be between 0 and 2 pixels: got {config.max_blur}"
        )
    x, values = jax.eval_shape(draw_batch, jax.random.key(0), data)
    expected = (config.batch, image_size, image_size), (config.batch, len(sizes))
    if (x.shape, values.shape) != expected:
        raise InputError(
            f"draw_batch gives shapes {x.shape} and {values.shape},"
            f" the oracle expects {expected[0]} and {expected[1]}"
        )
