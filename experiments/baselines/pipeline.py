"""Baselines of the context-aware learner on the same data sets, as an experiment.

A neural statistician, the group models ML-VAE and GVAE, and an autoencoder of single
images: trained on the sets of a learner's experiment and judged by the same oracle.
"""

import time
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.data.images import LabelledImages
from cal_jax.data.set_samplers import SetSampler
from cal_jax.data.sources import Evaluation
from cal_jax.inference.mapping import Variables
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.merged import merge_of
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.group_vae import GroupVAE
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.objectives.vae import vae_items_elbo
from cal_jax.training.config import Trained
from cal_jax.training.step import DataSet
from experiments.baselines.config import BaselineConfig
from experiments.baselines.figures import draw_conditioned, draw_reconstructions
from experiments.baselines.scores import (
    bound_by_label,
    conditioned_scores,
    generate_conditioned,
    group_log_evidences,
    item_log_evidences,
)
from experiments.common.figures import Figure, draw_course
from experiments.common.image_sets import training_sets
from experiments.common.oracle_evaluator import OracleEvaluator, oracle_evaluator_of
from experiments.common.report_inputs import ReportInputs, publish_report
from experiments.common.run import Fit, evaluation_key, images_of, train_and_evaluate

INTROS = {
    "statistician": "A neural statistician of images (thesis 5.1) with one context, trained on "
    "all sets; it is not told what a set shares.",
    "ml_vae": "ML-VAE (Bouchacourt, Tomioka & Nowozin 2018): a group's content is the product of "
    "its images' Gaussians, each image's style is apart.",
    "gvae": "GVAE (Hosoya 2019): a group's content is the mean of its images' Gaussians, each "
    "image's style is apart.",
    "vae": "A variational autoencoder of single images (thesis 4.2): it knows no sets.",
}


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    config = request.config
    program.require_packages("matplotlib", "jinja2", "sklearn")
    images = images_of(request, config.image_size)
    model = model_of(config)
    train_and_evaluate(
        request,
        name_of(config),
        images,
        Fit(model, objective_of(config), lambda seed: visible_sets(config, images.train, seed)),
        lambda one, folder, trained: evaluate(one, folder, model, trained, images),
    )


def name_of(config: BaselineConfig) -> str:
    """Of a run's experiment, in its records."""
    return f"baselines-{config.task}-{config.name}"


def model_of(config: BaselineConfig) -> nn.Module:
    """The model that the config names."""
    event_shape = (config.image_size, config.image_size)
    if isinstance(config.model, VAEConfig):
        return VAE(config.model, event_shape)
    return GroupVAE(config.model, event_shape)


def objective_of(config: BaselineConfig) -> Any:
    """The bound of one data set."""
    return vae_items_elbo if config.name == "vae" else neural_statistician_elbo


def visible_sets(config: BaselineConfig, images: LabelledImages, seed: int) -> SetSampler:
    """The learner's training sets that the model sees, without masks: all, or those of its
    kind of group."""
    sets = training_sets(config, images, seed)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        x, _ = sets.draw(key, data, row).data
        return DataSet((x,))

    if config.group_index is None:
        return sets._replace(draw=draw)
    items, stored = sets.data
    chosen = stored.constant_mask[:, config.group_index] == 1
    data = (items, jax.tree.map(lambda array: array[chosen], stored))
    return SetSampler(data, draw, int(np.sum(chosen)))


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: nn.Module,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    judge = oracle_evaluator_of(request, folder, images)
    mixed, group = judge.mixed, config.group_index
    is_group = np.ones(len(mixed.x), bool) if group is None else judge.labels[:, group] == 1
    key_bound, key_sets, key_evidence = jax.random.split(evaluation_key(request.seed), 3)

    def bound(variables: Variables, **options: Any) -> Any:
        objective = objective_of(config)
        return bound_by_label(objective, model, variables, key_bound, mixed.x, is_group, **options)

    terms = bound(trained.variables)
    untrained = bound(trained.initial_variables, batch_statistics=True)
    evidences = log_evidences(
        config, model, trained.variables, key_evidence, mixed.x[:: config.likelihood_every]
    )
    labels = judge.labels[:: config.likelihood_every]
    scores, figures = generation_of(config, model, trained.variables, key_sets, judge, folder.path)
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)
    scores["log_evidence_per_item"] = Score(float(evidences.mean()), None, NATS_PER_ITEM)
    found = ReportInputs(
        name_of(config),
        name_of(config),
        INTROS[config.name],
        scores,
        terms,
        float(untrained.elbo),
        figures=[*figures, draw_course(folder.path, folder.read_metrics())],
        details={
            "log_evidence_by_constant_factor": {
                name: float(evidences[labels[:, k] == 1].mean())
                for k, name in enumerate(config.factors.names)
                if (labels[:, k] == 1).any()
            },
            "parameters": count_parameters(trained.variables),
        },
    )
    publish_report(found, request, folder, trained, judge, images, since=started)


def log_evidences(
    config: BaselineConfig, model: nn.Module, variables: Variables, key: jax.Array, x: np.ndarray
) -> np.ndarray:
    """log p(D) of sets x [M, N, H, W] whose label is not known, [M] nats per item."""
    if config.name == "vae":
        return item_log_evidences(model, variables, key, x) / x.shape[1]
    weights = [weight for _, weight in config.mix]
    share = 1.0 if config.group_index is None else weights[config.group_index] / sum(weights)
    return group_log_evidences(model, variables, key, x, share) / x.shape[1]


def generation_of(
    config: BaselineConfig,
    model: nn.Module,
    variables: Variables,
    key: jax.Array,
    judge: OracleEvaluator,
    folder: Path,
) -> tuple[dict[str, Score], list[Figure]]:
    """What the model makes of real sets: its scores, and figures in the folder."""
    if config.name == "vae":
        return {}, [draw_reconstructions(folder, model, variables, judge.real)]
    names, group = config.factors.names, config.group_index
    generated = generate_conditioned(model, variables, key, judge.real, group)
    scores = conditioned_scores(names, generated, judge.real, judge.read, merge_of(names))
    return scores, draw_conditioned(folder, names, judge.real, generated, group)


def count_parameters(variables: Variables) -> int:
    """Trained numbers, without running averages."""
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
