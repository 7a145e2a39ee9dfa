"""The three models at the thesis's architectures, each with data, bound and optimiser.

Images and sets are random: a step's time does not depend on what is in them.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.plain.models import PlainContextAware, PlainStatistician, PlainVAE
from cal_jax.errors import InputError
from cal_jax.inference.mapping import Variables, init_variables
from cal_jax.models.components.decoders import ConvDecoder, MLPDecoder
from cal_jax.models.components.encoders import ConvEncoder, MLPEncoder
from cal_jax.models.context_aware.config import Context, ContextAwareConfig, Latent
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.context_aware.posteriors import Statistic
from cal_jax.models.statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.nn.hidden import Hidden
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_elbo
from cal_jax.objectives.weighting import Weights, halving_weights

ModelName = Literal["vae", "statistician", "context_aware"]
MODELS: tuple[ModelName, ...] = get_args(ModelName)
BATCHES = 4
"""Batches of data sets that are kept on the device."""


@dataclass(frozen=True)
class Shape:
    """What a step's time is measured against."""

    batch_size: int
    """Data sets in a step; images, of the autoencoder."""
    items: int = 1
    """N, in a data set."""
    samples: int = 1
    """S, Monte Carlo samples of each data set."""
    contexts: int = 2
    """K."""
    image_size: int = 28
    """H = W."""
    seeds: int = 1
    """Trained together, as one program."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise InputError(f"{name} {value}; accepted: 1 or more")


class Workload(NamedTuple):
    """One model, and all that a training step of it needs."""

    name: ModelName
    shape: Shape
    config: Any
    model: nn.Module
    """cal_jax's."""
    plain: nn.Module
    """The same in plain Flax: equal parameters, equal values."""
    objective: Callable[..., Any]
    data: tuple[np.ndarray, ...]
    """x [M, *X] or [M, N, *X], then labels [M, K]."""
    weights: Weights
    """Of the first epoch."""
    learning_rate: float
    clip: float | None
    of_sets: bool = True

    def init(self, model: nn.Module, seed: int = 0) -> Variables:
        """Initial variables of ``model`` or ``plain``."""
        one = (jnp.asarray(array[0]) for array in self.data)
        return init_variables(self.objective, model, jax.random.key(seed), *one)


SHAPES = {
    ("vae", "thesis"): Shape(32),
    ("vae", "smoke"): Shape(4, image_size=6),
    ("statistician", "thesis"): Shape(16, 200),
    ("statistician", "smoke"): Shape(4, 5),
    ("context_aware", "thesis"): Shape(32, 10),
    ("context_aware", "smoke"): Shape(4, 3, image_size=8),
}
"""Sections 4.4.1, 5.3.1 and 6.4.1; smoke: the smallest that run."""

_SMALL_VAE = VAEConfig(encoder=MLPEncoder((8, 5)), decoder=MLPDecoder((5, 8)))
_SMALL_STATISTICIAN = NeuralStatisticianConfig(latent_dim=4, hidden=Hidden(8))
_SMALL_CONTEXT_AWARE = ContextAwareConfig(
    context_dim=4,
    latent=Latent(3),
    encoder=ConvEncoder((4, 8)),
    decoder=ConvDecoder((4, 8)),
    posterior=Statistic(8),
    hidden=Hidden(8),
)


def workload(name: ModelName, size: str = "thesis", **changes: int) -> Workload:
    """A model's workload.

    Args:
        name: which model.
        size: thesis or smoke.
        changes: of the fields of ``Shape``.

    Raises:
        InputError: a value of ``Shape`` below 1.
    """
    shape = replace(SHAPES[name, size], **changes)
    makers = {"vae": _vae, "statistician": _statistician, "context_aware": _context_aware}
    return makers[name](shape, size == "smoke")


def _vae(shape: Shape, small: bool) -> Workload:
    config = _SMALL_VAE if small else VAEConfig()
    event_shape = (shape.image_size, shape.image_size)
    return Workload(
        "vae",
        shape,
        config,
        VAE(config, event_shape),
        PlainVAE(config, event_shape),
        vae_elbo,
        (_images(shape.batch_size, shape.image_size),),
        Weights(),
        1e-3,
        None,
        of_sets=False,
    )


def _statistician(shape: Shape, small: bool) -> Workload:
    config = _SMALL_STATISTICIAN if small else NeuralStatisticianConfig()
    event_shape = (2,) if small else (1,)
    sets = (BATCHES * shape.batch_size, shape.items, *event_shape)
    return Workload(
        "statistician",
        shape,
        config,
        NeuralStatistician(config, event_shape),
        PlainStatistician(config, event_shape),
        functools.partial(neural_statistician_elbo, layers=config.layers),
        (np.random.default_rng(0).normal(size=sets).astype(np.float32),),
        halving_weights(0, kl_power=1),
        1e-3,
        0.5,
    )


def _context_aware(shape: Shape, small: bool) -> Workload:
    config = replace(
        _SMALL_CONTEXT_AWARE if small else ContextAwareConfig(),
        contexts=tuple(Context(f"context_{k}") for k in range(shape.contexts)),
    )
    event_shape = (shape.image_size, shape.image_size)
    constant = np.arange(BATCHES * shape.batch_size) % shape.contexts
    return Workload(
        "context_aware",
        shape,
        config,
        ContextAwareLearner(config, event_shape),
        PlainContextAware(config, event_shape),
        context_aware_elbo,
        (
            _images(shape.batch_size, shape.items, shape.image_size),
            np.eye(shape.contexts, dtype=np.float32)[constant],
        ),
        halving_weights(0, kl_power=2),
        3e-4,
        None,
    )


def _images(batch_size: int, *rest: int) -> np.ndarray:
    """Random images in {0, 1}, [M, ..., H, W]: three in ten pixels are set."""
    size = (BATCHES * batch_size, *rest, rest[-1])
    return (np.random.default_rng(0).random(size) < 0.3).astype(np.float32)
