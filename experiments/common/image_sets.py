"""Sets of digit images for training and for evaluation, as a config has them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.binarise import dynamic_binary, fixed_binary
from cal_jax.data.digit_sets import factor_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.label_mix import Mix, one_constant
from cal_jax.evaluation.generation_scores import Real, RealSets
from cal_jax.training.step import DataSet
from experiments.common.image_sets_config import SetsConfig
from experiments.common.run import TEST_SEED

PROBE_IMAGES = 5_000
"""Training images that probes are fitted on, at most."""

DrawSets = Callable[..., tuple[RealSets, np.ndarray]]
"""``evaluation_sets`` of given images, from its mix on."""


class TrainingSets(NamedTuple):
    """Data sets as a training step reads them: a ``training.source.SetSource``."""

    draw: Callable[[jax.Array, Any, jax.Array], DataSet]
    """(key, data, row []) -> one data set: x [N, H, W] and its label [K]; pure."""
    data: Any
    """Arrays that ``draw`` reads."""
    num_sets: int
    """Rows that an epoch visits."""


def training_sets(config: SetsConfig, images: LabelledImages, seed: int) -> TrainingSets:
    """The data sets that a run of this seed is trained on.

    Args:
      config: the run's.
      images: to choose from.
      seed: of the sets, and of a fixed binarisation.
    """
    factors = config.factors
    rng = np.random.default_rng(seed)
    sets = factor_sets(
        rng,
        images.labels,
        factors.other_sizes,
        num_sets=config.num_sets,
        set_size=config.set_size,
        mix=config.mix,
        allowed=config.allowed,
    )
    dynamic = config.binarisation == "dynamic"
    pixels = factors.turned(images.images)
    if not dynamic:
        pixels = fixed_binary(pixels, config.binarisation, seed)
    data = (pixels, sets.items, sets.factors, sets.labels)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        pixels, items, values, labels = data
        chosen = factors.pick(pixels, items[row], values[row])
        binary = dynamic_binary(key, chosen) if dynamic else chosen
        return DataSet((factors.paint(binary, values[row]), labels[row]))

    return TrainingSets(draw, data, config.num_sets)


def evaluation_sets(
    config: SetsConfig,
    pixels: np.ndarray,
    digits: np.ndarray,
    mix: Mix,
    seed: tuple[int, ...] = (),
    *,
    allowed: np.ndarray | None = None,
) -> tuple[RealSets, np.ndarray]:
    """Evaluation sets in a mix of labels, the same for every run, and their labels [M, K].

    Args:
      config: the run's.
      pixels: binary images [R, M, H, W], turned.
      digits: [M], what they show.
      mix: of labels.
      seed: of the sets, beside the seed of all test data.
      allowed: which combinations of values may occur; None: those of the config.
    """
    factors = config.factors
    sets = factor_sets(
        np.random.default_rng((TEST_SEED, *seed)),
        digits,
        factors.other_sizes,
        num_sets=config.test_sets,
        set_size=config.set_size,
        mix=mix,
        allowed=config.allowed if allowed is None else allowed,
    )
    binary = jnp.asarray(factors.pick(pixels, sets.items, sets.factors))
    x = np.asarray(factors.paint(binary, jnp.asarray(sets.factors)))
    return RealSets(x, sets.factors), sets.labels


def real_sets(draw_sets: DrawSets, num_factors: int) -> Real:
    """The sets that generated ones start from and are compared with, whatever training saw.

    Args:
      draw_sets: of the images to evaluate on.
      num_factors: K.
    """
    every, none = (1,) * num_factors, (0,) * num_factors
    *alone, all_constant, none_constant = (
        draw_sets(((label, 1),), label)[0] for label in (*one_constant(num_factors), every, none)
    )
    return Real(tuple(alone), all_constant, none_constant)


def probe_sets(config: SetsConfig, images: LabelledImages) -> tuple[RealSets, ...]:
    """Sets of training images that probes of the contexts are fitted on.

    Args:
      config: the run's.
      images: the training images; the first ``PROBE_IMAGES`` are enough.

    Returns:
      For each context, sets in which it alone is constant.
    """
    few = LabelledImages(images.images[:PROBE_IMAGES], images.labels[:PROBE_IMAGES])
    turned = config.factors.turned(few.images)
    pixels = fixed_binary(turned, config.binarisation, TEST_SEED)
    alone = one_constant(len(config.factors.names))
    return tuple(
        evaluation_sets(config, pixels, few.labels, ((label, 1),), label)[0] for label in alone
    )
