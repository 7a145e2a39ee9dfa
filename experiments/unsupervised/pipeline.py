"""The context-aware learner whose labels are inferred, as an experiment (thesis 6.4.3)."""

import functools
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.cli import program
from cal_jax.data.images import of_classes
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.generation_scores import generate, generation_scores
from cal_jax.inference import weights
from cal_jax.inference.evidence import elbo_of_masks
from cal_jax.inference.labels import infer_labels
from cal_jax.inference.mapping import Variables
from cal_jax.inference.sampler import Sampler
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.labels import label_scores
from cal_jax.metrics.merged import merge_of
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.label import hard_label_elbo, label_elbo
from cal_jax.objectives.label_bounds import LabelTerms
from cal_jax.training.config import Trained
from experiments.common.figures import draw_generation
from experiments.common.mask_scores import BoundOfSets, learned_log_prior, mask_scores
from experiments.common.oracle_evaluator import oracle_evaluator_of
from experiments.common.report_inputs import ReportInputs, publish_report
from experiments.common.run import Fit, evaluation_key, images_of, train_and_evaluate
from experiments.results.publish import Targets, targets_of
from experiments.unsupervised.config import TASKS, UnsupervisedConfig
from experiments.unsupervised.figures import draw_label_course
from experiments.unsupervised.gradient_study import noise_study
from experiments.unsupervised.tasks import label_objective, label_sets, schedule_of

INTRO = (
    "The context-aware learner with inferred labels (thesis 6.4.3): which factor the items of "
    "a set share is not told, and is read off by the label network q(a | D)."
)
THESIS = {"accuracy_sampled": "92.3 % at best"}


def run(targets: Mapping[str, Mapping[str, Targets]], request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder.

    Args:
      targets: what is asked of the scores on MNIST, by task and preset.
      request: what was asked for.
    """
    config = request.config
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    images = images_of(request, config.image_size)
    classes = TASKS[config.task].classes
    images = images._replace(
        train=of_classes(images.train, classes), evaluated=of_classes(images.evaluated, classes)
    )
    model = ContextAwareLearner(config.model, (config.image_size, config.image_size))
    train_and_evaluate(
        request,
        name_of(config),
        images,
        Fit(model, label_objective(config), lambda seed: label_sets(config, images.train, seed)),
        lambda one, folder, trained: evaluate(targets, one, folder, model, trained, images),
        keep_midpoint=config.gradient_keys > 0,
    )


def name_of(config: UnsupervisedConfig) -> str:
    """Of a run's experiment, in its records."""
    return f"unsupervised-{config.task}-{config.labels.estimator}"


def evaluate(
    targets: Mapping[str, Mapping[str, Targets]],
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the weights, the figures and the report."""
    config, started = request.config, time.monotonic()
    names = config.factors.names
    judge = oracle_evaluator_of(request, folder, images, reads=config.generation)
    mixed = judge.mixed
    learned = learned_log_prior(trained.memory)
    even, even_masks = mixed, judge.labels
    if config.mix != config.even_mix:
        even, even_masks = judge.draw_sets(config.even_mix)

    key_bound, key_sets = jax.random.split(evaluation_key(request.seed))
    records = folder.read_metrics()
    labelled = label_scores(
        infer_labels(model, trained.variables, even.x),
        even_masks,
        config.support,
        [record["confusion"] for record in records],
        request.seed,
    )

    def bound(objective: Any, variables: Variables, **options: Any) -> LabelTerms:
        of_task = functools.partial(
            objective,
            support=jnp.asarray(config.support),
            log_prior=jnp.asarray(config.log_prior if learned is None else learned),
        )
        return bound_per_item(
            of_task, model, variables, key_bound, mixed.x, items=config.set_size, **options
        )

    exact = functools.partial(label_elbo, estimator="exact")
    terms = bound(exact, trained.variables)
    untrained = bound(exact, trained.initial_variables, batch_statistics=True)
    hard = bound(functools.partial(hard_label_elbo, choice="argmax"), trained.variables)
    scores = dict(labelled.scores)
    figures = [draw_label_course(folder.path, records, config.support, schedule_of(config))]
    if config.generation:
        real = judge.real
        sampler = Sampler(model, trained.variables, config.set_size, labelled.order)
        generated = generate(sampler, key_sets, real)
        scores |= generation_scores(names, generated, real, judge.read, merge_of(names))
        figures += draw_generation(folder.path, names, real.one_constant, generated)

    def of_masks(x: np.ndarray, masks: np.ndarray) -> BoundOfSets:
        x = x.astype(np.float32)
        elbo = elbo_of_masks(model, trained.variables, key_bound, x, config.support)
        return BoundOfSets(elbo, masks)

    of_even = of_masks(even.x, even_masks)
    of_mixed = of_even if even is mixed else of_masks(mixed.x, judge.labels)
    scores |= mask_scores(of_even, of_mixed, config.support, config.mix, learned)
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)
    scores["elbo_at_argmax_per_item"] = Score(float(hard.elbo), None, NATS_PER_ITEM)
    noise = noise_study(config, folder, model, trained, mixed.x, key_bound)
    scores |= noise.scores
    weights.save_if_small(
        folder.path / weights.FILE,
        TrainedLearner(model, trained.variables, config.set_size, config.binarisation),
    )
    found = ReportInputs(
        name_of(config),
        name_of(config),
        INTRO,
        scores,
        terms,
        float(untrained.elbo),
        figures=figures,
        details={
            "order": list(labelled.order),
            **({"gradient_noise": noise.details} if noise.details else {}),
        },
        targets=targets_of(request, targets.get(config.task, {})),
        thesis=THESIS if config.task == "bw01" else {},
    )
    publish_report(found, request, folder, trained, judge, images, since=started)
