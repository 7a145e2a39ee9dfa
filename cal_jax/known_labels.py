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
import jax.numpy as jnp
import numpy as np

from cal_jax import cli
from cal_jax.axes import DEVICE
from cal_jax.configuration import flatten
from cal_jax.data.binarise import dynamic_binary, fixed_binary
from cal_jax.data.context_sets import factor_sets
from cal_jax.data.images import LabelledImages
from cal_jax.data.label_mix import Mix
from cal_jax.data.sources import Evaluation, load_for_evaluation
from cal_jax.distributed import is_first
from cal_jax.evaluation import oracle_file
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.factor_oracle import factor_oracle
from cal_jax.evaluation.generation_scores import (
    Generated,
    Merge,
    Real,
    RealSets,
    generate,
    generation_scores,
)
from cal_jax.evaluation.oracle import accuracy, predict
from cal_jax.evaluation.scores import NATS_PER_ITEM, Score
from cal_jax.experiment import TEST_SEED, evaluation_key, open_runs, train_in
from cal_jax.generation_figures import Figure, draw_course
from cal_jax.known_labels_config import KnownLabelsConfig
from cal_jax.mapping import Variables, init_variables, map_objective
from cal_jax.models.context_aware import ContextAwareLearner
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.publication import Run, bound_note, plain, publish
from cal_jax.run_folder import RunFolder
from cal_jax.sampler import Sampler
from cal_jax.training.run import Task, Trained
from cal_jax.training.step import DataSet

PUBLISHED_PRESET = "cpu"


class Drawn(NamedTuple):
    """What the figures of an experiment are drawn from."""

    sampler: Sampler
    key: jax.Array
    real: Real
    generated: Generated


class Experiment(NamedTuple):
    """What tells one experiment from another."""

    name: str
    """Of its module and in its records."""
    title: str
    """Before the name of the images."""
    intro: str
    """Of the report."""
    presets: Mapping[str, Any]
    targets: Mapping[str, float]
    """At the published preset on MNIST; each counts at the lower of it and 0.98 of its ceiling."""
    draw: Callable[[Path, Drawn], list[Figure]]
    merge: Merge | None = None
    """See ``generation_scores``."""


def main(experiment: Experiment, doc: str, arguments: Sequence[str] | None) -> int:
    """Run an experiment as a program; the exit code is 0, or 2 for bad input.

    Args:
      experiment: which.
      doc: of its module; its first line describes it to ``--help``.
      arguments: without the program; None reads the command line.
    """
    module, description = f"experiments.{experiment.name}", doc.splitlines()[0]
    return cli.run_experiment(
        lambda: cli.request(module, description, experiment.presets, arguments),
        functools.partial(run, experiment),
    )


def run(experiment: Experiment, request: cli.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    config = request.config
    cli.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    images = load_for_evaluation(
        request.data_dir,
        size=config.model.image_size,
        download=request.download,
        held_back=request.held_back,
    )
    model = ContextAwareLearner(config.model)
    with open_runs(request, experiment.name, images.name) as runs:
        tasks = [training_task(config, model, images.train, run.request.seed) for run in runs]
        trained = train_in(runs, config.training, tasks, images=images.digest)
        if is_first():
            for (one, folder), model_of_seed in zip(runs, trained, strict=True):
                evaluate(experiment, one, folder, model, model_of_seed, images)


def training_task(
    config: KnownLabelsConfig, model: ContextAwareLearner, images: LabelledImages, seed: int
) -> Task:
    """The data sets, the bound and its mapping, for ``training.train.train``."""
    factors = config.factors
    rng = np.random.default_rng(seed)
    sets = factor_sets(
        rng,
        images.labels,
        factors.other_sizes,
        num_sets=config.num_sets,
        set_size=config.set_size,
        mix=config.mix,
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

    def init() -> Any:
        key = jax.random.key(seed)
        one = draw(key, jax.tree.map(jnp.asarray, data), jnp.int32(0))
        return init_variables(context_aware_elbo, model, key, *one.data)

    mapped = map_objective(context_aware_elbo, model, extra_axes=(DEVICE,))
    return Task(init, mapped, weighted_objective, draw, data, config.num_sets)


def evaluate(
    experiment: Experiment,
    request: cli.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    names = config.factors.names
    oracle = factor_oracle(
        request.oracle_dir or folder.path.parent / "oracles",
        config.factors,
        images.train,
        config.oracle,
        config.binarisation,
    )
    pixels = fixed_binary(
        config.factors.turned(images.evaluated.images), config.binarisation, TEST_SEED
    )
    draw_sets = functools.partial(evaluation_sets, config, pixels, images.evaluated.labels)
    size = len(names)
    one_constant = tuple(draw_sets(((label, 1),), label)[0] for label, _ in config.mix)
    every, none = (1,) * size, (0,) * size
    real = Real(one_constant, *(draw_sets(((label, 1),), label)[0] for label in (every, none)))
    mixed, labels = draw_sets(config.mix)

    key_bound, key_sets = jax.random.split(evaluation_key(request.seed))

    def bound(variables: Variables, **options: Any) -> ContextAwareTerms:
        return bound_per_item(
            context_aware_elbo,
            model,
            variables,
            key_bound,
            mixed.x,
            labels,
            items=config.set_size,
            **options,
        )

    terms = bound(trained.variables)
    untrained = bound(trained.initial_variables, batch_statistics=True)
    sampler = Sampler(model, trained.variables, config.set_size)
    generated = generate(sampler, key_sets, real)
    scores = generation_scores(
        names, generated, real, functools.partial(predict, oracle), experiment.merge
    )
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)
    is_published = (
        images.name == "mnist"
        and config == experiment.presets[PUBLISHED_PRESET]
        and not request.held_back
    )
    targets = {
        name: min(goal, 0.98 * (scores[name].ceiling or goal))
        for name, goal in experiment.targets.items()
    }
    publish(
        folder.path,
        Run(
            experiment=experiment.name,
            preset=request.preset,
            command=request.command,
            revision=trained.revision,
            seed=request.seed,
            seconds=trained.seconds + time.monotonic() - started,
            oracle={
                "digest": oracle_file.digest(oracle),
                "accuracy": accuracy(oracle, real.all_constant.x, real.all_constant.factors),
            },
            data={
                "name": images.name,
                "fingerprint": images.digest,
                "binarisation": config.binarisation,
                "image_size": config.model.image_size,
                "evaluated_on": images.evaluated_on,
            },
            scores=scores,
            details={
                "bound_per_item": plain(terms),
                "untrained_elbo_per_item": float(untrained.elbo),
            },
        ),
        title=f"{experiment.title} {images.name}, preset {request.preset}, seed {request.seed}",
        intro=experiment.intro,
        notes=[
            bound_note(
                float(terms.elbo), float(untrained.elbo), config.binarisation, images.evaluated_on
            )
        ],
        config=flatten(config),
        figures=[
            *experiment.draw(folder.path, Drawn(sampler, key_sets, real, generated)),
            draw_course(folder.path, folder.read_metrics(), names),
        ],
        targets=targets if is_published else None,
    )


def evaluation_sets(
    config: KnownLabelsConfig,
    pixels: np.ndarray,
    digits: np.ndarray,
    mix: Mix,
    seed: tuple[int, ...] = (),
) -> tuple[RealSets, np.ndarray]:
    """Evaluation sets in a mix of labels, the same for every run, and their labels [M, K].

    Args:
      config: the run's.
      pixels: binary images [R, M, H, W], turned.
      digits: [M], what they show.
      mix: of labels.
      seed: of the sets, beside the seed of all test data.
    """
    factors = config.factors
    sets = factor_sets(
        np.random.default_rng((TEST_SEED, *seed)),
        digits,
        factors.other_sizes,
        num_sets=config.test_sets,
        set_size=config.set_size,
        mix=mix,
    )
    binary = jnp.asarray(factors.pick(pixels, sets.items, sets.factors))
    x = np.asarray(factors.paint(binary, jnp.asarray(sets.factors)))
    return RealSets(x, sets.factors), sets.labels
