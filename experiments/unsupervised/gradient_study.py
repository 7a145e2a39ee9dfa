"""Noise of a run's label gradient before, midway through and after training (thesis 6.3.2)."""

from typing import Any, NamedTuple

import jax
import numpy as np

from cal_jax.evaluation.gradient_noise import label_gradient_noise
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import RATIO, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.config import Trained
from cal_jax.training.midpoint_checkpoint import midpoint_variables
from experiments.unsupervised.config import UnsupervisedConfig


class NoiseStudy(NamedTuple):
    """Of a run."""

    scores: dict[str, Score]
    """``gradient_variance_<when>``: straight-through Gumbel's over the exact sum's."""
    details: dict[str, Any]
    """What they were made of."""


def noise_study(
    config: UnsupervisedConfig,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    x: np.ndarray,
    key: jax.Array,
) -> NoiseStudy:
    """The study that ``config.gradient_keys`` asks for, on the first batch of sets x [M, N, *X].

    Raises:
      InputError: what the run was half-way is not in its folder.
    """
    study = NoiseStudy({}, {})
    if not config.gradient_keys:
        return study
    moments = {
        "initial": trained.initial_variables,
        "halfway": midpoint_variables(folder, trained.variables),
        "trained": trained.variables,
    }
    for moment, variables in moments.items():
        found = label_gradient_noise(
            model,
            variables,
            key,
            x[: config.training.batch_size],
            config.support,
            config.log_prior,
            estimator="gumbel",
            keys=config.gradient_keys,
        )
        ratio = found["gumbel"].variance / found["exact"].variance
        study.scores[f"gradient_variance_{moment}"] = Score(ratio, None, RATIO)
        study.details[moment] = {name: one._asdict() for name, one in found.items()}
    return study
