"""The training of a context-aware learner whose labels are inferred."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.data.images import LabelledImages
from cal_jax.distributions import KLMethod
from cal_jax.objectives.balance import initial_balance
from cal_jax.objectives.label_learning import (
    label_criterion,
    label_disagreement,
    of_every_label,
    of_one_label,
    take_drawn,
    weigh_labels,
)
from cal_jax.objectives.label_schedules import (
    LabelSchedule,
    annealed_weights,
    label_temperature,
    label_weights,
)
from cal_jax.objectives.weighting import Weights
from cal_jax.training.batches import steps_per_epoch
from cal_jax.training.config import Objective
from cal_jax.training.step import BatchObjective, DataSet
from experiments.common.image_sets import TrainingSets, training_sets
from experiments.unsupervised.config import UnsupervisedConfig


def label_objective(config: UnsupervisedConfig) -> Objective:
    """The bound, and what couples the sets of a batch."""
    temperature = temperature_of(config)

    def at_step(step: jax.Array) -> tuple[jax.Array, ...]:
        return () if temperature is None else (temperature(step),)

    per_epoch = steps_per_epoch(len(visits_of(config)), config.training.batch_size)
    return Objective(
        _objective(config),
        functools.partial(label_criterion, disagreement=config.labels.contrast),
        coupling_of(config),
        functools.partial(weights_at, config, per_epoch),
        at_step,
    )


def label_sets(config: UnsupervisedConfig, images: LabelledImages, seed: int) -> TrainingSets:
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


def with_known_labels(sets: TrainingSets, config: UnsupervisedConfig) -> TrainingSets:
    """The same sets in the visits of an epoch, each with whether training may use its label."""
    visits = visits_of(config)

    def draw(key: jax.Array, data: Any, visit: jax.Array) -> DataSet:
        rows, of_sets = data
        one = sets.draw(key, of_sets, rows[visit])
        is_known = (rows[visit] < config.known).astype(jnp.float32)
        return DataSet((*one.data, is_known))

    return TrainingSets(draw, (visits.astype(np.int32), sets.data), len(visits))


def coupling_of(config: UnsupervisedConfig) -> BatchObjective:
    """What the sets of a batch make of their labels."""
    labels = config.labels
    if labels.draws:
        return BatchObjective(lambda found, memory, _: (take_drawn(found), memory))
    log_prior = jnp.asarray(config.log_prior)
    weigh = functools.partial(
        weigh_labels,
        log_prior=log_prior,
        responsibilities=labels.responsibilities,
        temperature=labels.temperature,
        axes=(DEVICE,),
    )
    if labels.contrast > 0:
        support = jnp.asarray(config.support)
        disagree = functools.partial(label_disagreement, support=support, axes=(DEVICE,))
        weigh = functools.partial(weigh, disagree=disagree)
    if labels.balance_decay is None:
        return BatchObjective(
            lambda found, memory, weights: (weigh(found, None, weights)[0], memory)
        )
    weigh = functools.partial(weigh, decay=labels.balance_decay)
    return BatchObjective(weigh, initial_balance(log_prior))


def weights_at(config: UnsupervisedConfig, per_epoch: int, step: Any) -> Weights:
    """The weights of the terms after so many steps."""
    labels = config.labels
    if labels.criterion == "thesis":
        return label_weights(step // per_epoch, alpha=labels.alpha, rate=labels.alpha_rate)
    return annealed_weights(
        step,
        latent=labels.latent_weight,
        contexts=labels.context_weight,
        half_life=labels.half_life,
    )


def schedule_of(config: UnsupervisedConfig) -> LabelSchedule:
    """The weights and the temperature of a run, for its figure."""
    return LabelSchedule(functools.partial(weights_at, config), temperature_of(config))


def temperature_of(config: UnsupervisedConfig) -> Any:
    """Steps taken -> the temperature of a drawn label; None where none is drawn."""
    if not config.labels.draws:
        return None
    return functools.partial(label_temperature, steps=config.training.steps)


def _objective(config: UnsupervisedConfig) -> Any:
    """The objective of one set."""
    labels, support = config.labels, jnp.asarray(config.support)
    if not labels.draws:
        kl: KLMethod = "monte_carlo" if labels.estimator == "marginal" else "analytic"
        return functools.partial(
            of_every_label, support=support, kl=kl, with_beliefs=labels.contrast > 0
        )
    return functools.partial(
        of_one_label,
        support=support,
        log_prior=jnp.asarray(config.log_prior),
        estimator=labels.estimator,
    )
