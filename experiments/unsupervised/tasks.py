"""The training of a context-aware learner whose labels are inferred."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.data.images import LabelledImages
from cal_jax.data.set_samplers import SetSampler
from cal_jax.objectives.label_learning import label_criterion, of_one_label, take_drawn
from cal_jax.objectives.label_schedules import LabelSchedule, label_temperature, label_weights
from cal_jax.objectives.weighting import Weights
from cal_jax.training.batches import steps_per_epoch
from cal_jax.training.config import Objective
from cal_jax.training.recipes import balanced_masks, inferred_masks
from cal_jax.training.step import BatchObjective, DataSet
from experiments.common.image_sets import training_sets
from experiments.unsupervised.config import UnsupervisedConfig


def label_objective(config: UnsupervisedConfig) -> Objective:
    """The bound, and what couples the sets of a batch."""
    objective = drawn_label(config) if config.labels.draws else every_label(config)
    per_epoch = steps_per_epoch(len(visits_of(config)), config.training.batch_size)
    return objective._replace(weights=functools.partial(weights_at, config, per_epoch))


def every_label(config: UnsupervisedConfig) -> Objective:
    """The recipe of inferred masks, which visits every label of the support."""
    labels = config.labels
    if labels.responsibilities == "contrast":
        return inferred_masks(
            config.support,
            temperature=labels.temperature,
            contrast=labels.contrast,
            bound=labels.bound_weight,
            latent_weight=labels.latent_weight,
            context_weight=labels.context_weight,
            half_life=labels.half_life,
        )
    return balanced_masks(
        config.support,
        log_prior=config.log_prior,
        kl="monte_carlo" if labels.estimator == "marginal" else "analytic",
        responsibilities=labels.responsibilities,
        temperature=labels.temperature,
        balance_decay=labels.balance_decay,
        contrast=labels.contrast,
        latent_weight=labels.latent_weight,
        context_weight=labels.context_weight,
        half_life=labels.half_life,
    )


def drawn_label(config: UnsupervisedConfig) -> Objective:
    """The bound at one label a set, drawn at a temperature that falls (thesis 6.3.2)."""
    temperature = temperature_of(config)
    return Objective(
        functools.partial(
            of_one_label,
            support=jnp.asarray(config.support),
            log_prior=jnp.asarray(config.log_prior),
            estimator=config.labels.estimator,
        ),
        label_criterion,
        BatchObjective(lambda found, memory, _: (take_drawn(found), memory)),
        at_step=lambda step: (temperature(step),),
    )


def label_sets(config: UnsupervisedConfig, images: LabelledImages, seed: int) -> SetSampler:
    """The training sets, each with whether training may use its label.

    Args:
      config: the run's.
      images: to choose from, of the task's digits alone.
      seed: of the sets, and of a fixed binarisation.
    """
    return with_known_labels(training_sets(config, images, seed), config)


def visits_of(config: UnsupervisedConfig) -> np.ndarray:
    """The sets that an epoch visits.

    The first ``config.known`` sets are told, and visited so often that they are
    ``labels.known_share`` of the visits.
    """
    others = np.arange(config.known, config.num_sets)
    share = config.labels.known_share
    repeats = round(share / (1 - share) * len(others)) if config.known else 0
    return np.concatenate([np.resize(np.arange(config.known), repeats), others])


def with_known_labels(sets: SetSampler, config: UnsupervisedConfig) -> SetSampler:
    """The same sets in the visits of an epoch, each with whether training may use its label."""
    visits = visits_of(config)

    def draw(key: jax.Array, data: Any, visit: jax.Array) -> DataSet:
        rows, of_sets = data
        one = sets.draw(key, of_sets, rows[visit])
        is_known = (rows[visit] < config.known).astype(jnp.float32)
        return DataSet((*one.data, is_known))

    return SetSampler((visits.astype(np.int32), sets.data), draw, len(visits))


def weights_at(config: UnsupervisedConfig, per_epoch: int, step: Any) -> Weights:
    """The weights of the terms after so many steps."""
    labels = config.labels
    if labels.criterion == "thesis":
        return label_weights(step // per_epoch, alpha=labels.alpha, rate=labels.alpha_rate)
    annealed = every_label(config).weights
    assert annealed is not None
    return annealed(step)


def schedule_of(config: UnsupervisedConfig) -> LabelSchedule:
    """The weights and the temperature of a run, for its figure."""
    return LabelSchedule(functools.partial(weights_at, config), temperature_of(config))


def temperature_of(config: UnsupervisedConfig) -> Any:
    """Steps taken -> the temperature of a drawn label; None where none is drawn."""
    if not config.labels.draws:
        return None
    return functools.partial(label_temperature, steps=config.training.steps)
