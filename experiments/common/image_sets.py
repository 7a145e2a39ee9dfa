"""Sets of digit images for training and for evaluation, as a config has them."""

import dataclasses
from collections.abc import Callable

import numpy as np

from cal_jax.data.context_sets import ContextSets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.factors import draw_digit_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.mask_mix import Mix, one_constant
from cal_jax.data.set_samplers import SetSampler, render_sets, stored_sampler
from cal_jax.evaluation.generation_scores import Real, RealSets
from experiments.common.image_sets_config import SetsConfig
from experiments.common.run import TEST_SEED

PROBE_IMAGES = 5_000
"""Training images that probes are fitted on, at most."""

DrawSets = Callable[..., tuple[RealSets, np.ndarray]]
"""``evaluation_sets`` of given images, from its mix on."""


def training_sets(config: SetsConfig, images: LabelledImages, seed: int) -> SetSampler:
    """The data sets that a run of this seed is trained on.

    Args:
      config: the run's.
      images: to choose from.
      seed: of the sets, and of a fixed binarisation.
    """
    dataset = showing(
        config.factors.dataset(
            images, config.binarisation, seed, fresh=config.binarisation == "dynamic"
        ),
        config.allowed,
    )
    sets = draw_digit_sets(
        np.random.default_rng(seed),
        dataset,
        num_sets=config.num_sets,
        set_size=config.set_size,
        mix=config.mix,
    )
    return stored_sampler(dataset, dataset.names, sets)


def showing(dataset: FactorDataset, allowed: np.ndarray | None) -> FactorDataset:
    """The same images, which show some combinations of all factors' values only.

    Args:
      dataset: all that they can show.
      allowed: bool [10, ...]; None: everything.
    """
    if allowed is None:
        return dataset
    return dataclasses.replace(dataset, shown={dataset.names: allowed})


def evaluation_dataset(config: SetsConfig, images: LabelledImages) -> FactorDataset:
    """Images to evaluate on, made binary once and for all, the same for every run."""
    return config.factors.dataset(images, config.binarisation, TEST_SEED)


def evaluation_sets(
    config: SetsConfig,
    dataset: FactorDataset,
    mix: Mix,
    seed: tuple[int, ...] = (),
    *,
    allowed: np.ndarray | None = None,
) -> tuple[RealSets, np.ndarray]:
    """Evaluation sets in a mix of labels, the same for every run, and their labels [M, K].

    Args:
      config: the run's.
      dataset: see ``evaluation_dataset``.
      mix: of labels.
      seed: of the sets, beside the seed of all test data.
      allowed: which combinations of values may occur; None: those of the config.
    """
    dataset = showing(dataset, config.allowed if allowed is None else allowed)
    sets = draw_digit_sets(
        np.random.default_rng((TEST_SEED, *seed)),
        dataset,
        num_sets=config.test_sets,
        set_size=config.set_size,
        mix=mix,
    )
    return rendered(dataset, sets), sets.constant_mask


def rendered(dataset: FactorDataset, sets: ContextSets) -> RealSets:
    """What the sets show, and the values of all factors."""
    return RealSets(render_sets(dataset, dataset.names, sets), sets.values)


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
    dataset = evaluation_dataset(config, few)
    alone = one_constant(len(config.factors.names))
    return tuple(evaluation_sets(config, dataset, ((label, 1),), label)[0] for label in alone)
