"""Experiments on sets of digit images whose labels are known (thesis 6.4.1, 6.4.2).

What they have in common: the data sets, the training, the evaluation. Each is a
config with its factors and its figures.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from cal_jax.cli import program
from cal_jax.data.images import of_classes
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.context_scores import context_scores, log_evidence_per_item
from cal_jax.evaluation.generation_scores import (
    Generated,
    Read,
    Real,
    generate,
    generation_scores,
)
from cal_jax.inference import weights
from cal_jax.inference.mapping import Variables
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.merged import merge_of
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.training.config import Objective, Trained
from cal_jax.training.recipes import known_masks
from experiments.common.figures import Figure, draw_course
from experiments.common.image_sets import DrawSets, probe_sets, training_sets
from experiments.common.known_labels_config import KnownLabelsConfig
from experiments.common.oracle_evaluator import oracle_evaluator_of
from experiments.common.report_inputs import ReportInputs, publish_report
from experiments.common.run import Fit, evaluation_key, images_of, train_and_evaluate
from experiments.results.publish import Targets, targets_of

PUBLISHED_PRESET = "cpu"


class Drawn(NamedTuple):
    """What the figures and further scores of an experiment are made from."""

    sampler: Sampler
    key: jax.Array
    real: Real
    generated: Generated
    draw_sets: DrawSets
    """Further real sets."""


class Experiment(NamedTuple):
    """What tells one experiment from another."""

    name: str
    """Of its module and in its records."""
    title: str
    """Before the name of the images."""
    intro: str
    """Of the report."""
    presets: Mapping[str, Any]
    targets: Targets
    """At the published preset on MNIST; each counts at the lower of it and 0.98 of its ceiling."""
    draw: Callable[[Path, Any, Drawn], list[Figure]]
    """Its figures, from its config, into a folder."""
    score: Callable[[Any, Drawn, Read], Mapping[str, Score]] | None = None
    """Its own scores beside the usual ones, from its config and the oracle."""


def main(experiment: Experiment, doc: str, arguments: Sequence[str] | None) -> int:
    """Run an experiment as a program; the exit code is 0, or 2 for bad input.

    Args:
      experiment: which.
      doc: of its module; its first line describes it to ``--help``.
      arguments: without the program; None reads the command line.
    """
    module, description = f"experiments.{experiment.name}", doc.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(module, description, experiment.presets, arguments),
        functools.partial(run, experiment),
    )


def run(experiment: Experiment, request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    config = request.config
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    images = images_of(request, config.image_size)
    classes = config.training_classes or None
    images = images._replace(
        train=of_classes(images.train, classes), evaluated=of_classes(images.evaluated, classes)
    )
    model = ContextAwareLearner(config.model, (config.image_size, config.image_size))
    train_and_evaluate(
        request,
        experiment.name,
        images,
        Fit(model, objective_of(config), lambda seed: training_sets(config, images.train, seed)),
        lambda one, folder, trained: evaluate(experiment, one, folder, model, trained, images),
    )


def objective_of(config: KnownLabelsConfig) -> Objective:
    """The bound, with the contrast of the batch's sets and the annealed weights of the config."""
    return known_masks(
        contrast=config.contrast,
        dependence=config.dependence,
        latent_weight=config.latent_weight,
        context_weight=config.context_weight,
        half_life=config.weight_half_life,
    )


def evaluate(
    experiment: Experiment,
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    names = config.factors.names
    judge = oracle_evaluator_of(request, folder, images)
    real, mixed = judge.real, judge.mixed

    key_bound, key_sets, key_evidence, key_contexts = jax.random.split(
        evaluation_key(request.seed), 4
    )

    def bound(variables: Variables, **options: Any) -> ContextAwareTerms:
        return bound_per_item(
            context_aware_elbo,
            model,
            variables,
            key_bound,
            mixed.x,
            judge.labels,
            items=config.set_size,
            **options,
        )

    terms = bound(trained.variables)
    untrained = bound(trained.initial_variables, batch_statistics=True)
    sampler = Sampler(model, trained.variables, config.set_size)
    generated = generate(sampler, key_sets, real)
    drawn = Drawn(sampler, key_sets, real, generated, judge.draw_sets)
    scores = generation_scores(names, generated, real, judge.read, merge_of(names))
    if experiment.score is not None:
        scores |= experiment.score(config, drawn, judge.read)
    scores |= context_scores(
        names,
        model,
        trained.variables,
        key_contexts,
        probe_sets(config, images.train),
        real.one_constant,
    )
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)
    scores["log_evidence_per_item"] = log_evidence_per_item(
        model, trained.variables, key_evidence, mixed.x[:: config.likelihood_every], config.mix
    )
    weights.save_if_small(
        folder.path / weights.FILE,
        TrainedLearner(model, trained.variables, config.set_size, config.binarisation),
    )
    targets = {
        name: goal if (ceiling := scores[name].ceiling) is None else min(goal, 0.98 * ceiling)
        for name, goal in experiment.targets.items()
    }
    found = ReportInputs(
        experiment.name,
        experiment.title,
        experiment.intro,
        scores,
        terms,
        float(untrained.elbo),
        figures=[
            *experiment.draw(folder.path, config, drawn),
            draw_course(folder.path, folder.read_metrics(), names),
        ],
        targets=targets_of(request, {PUBLISHED_PRESET: targets}),
    )
    publish_report(found, request, folder, trained, judge, images, since=started)
