"""A neural statistician of digits as sets of points, as an experiment (Edwards & Storkey 2017)."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.config import flatten
from cal_jax.data.images import LabelledImages
from cal_jax.data.point_sets import HALF_WIDTH, draw_points, log_density, point_sets, require_ink
from cal_jax.data.set_samplers import SetSampler
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.evaluation.oracle.points import accuracy, digest, predict, train_point_oracle
from cal_jax.inference.likelihood import CONTEXT_SAMPLES, LATENT_SAMPLES, set_log_likelihoods
from cal_jax.inference.mapping import Variables, map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.inference.statistician import generate_items
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.neighbours import knn_accuracy
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, Score
from cal_jax.models.statistician import NeuralStatistician
from cal_jax.objectives.neural_statistician import neural_statistician_elbo
from cal_jax.training.config import Trained
from cal_jax.training.step import DataSet
from experiments.common.figures import Figure, draw_course
from experiments.common.run import TEST_SEED, Fit, evaluation_key, images_of, train_and_evaluate
from experiments.results.publish import plain, publish, run_of
from experiments.spatial_mnist.config import SHOWN_SETS, SpatialConfig
from experiments.spatial_mnist.figures import draw_point_sets

EXPERIMENT = "spatial_mnist"
SAMPLES_OF_EACH = 4
"""Sets drawn given each set in the figure."""


class PointSets(NamedTuple):
    """One set of points for each of M images, and the digits of these."""

    x: np.ndarray
    """float32 [M, N, 2]."""
    digits: np.ndarray
    """int32 [M]."""


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    config = request.config
    program.require_packages("matplotlib", "jinja2", "sklearn")
    images = images_of(request, config.image_size)
    for split in (images.train, images.evaluated):
        require_ink(split.images)
    model = NeuralStatistician(config.model, (2,))
    train_and_evaluate(
        request,
        EXPERIMENT,
        images,
        Fit(model, None, lambda _: training_sets(config, images.train)),
        lambda one, folder, trained: evaluate(one, folder, model, trained, images),
    )


def training_sets(config: SpatialConfig, images: LabelledImages) -> SetSampler:
    """One data set an image, of fresh points at every visit."""

    def draw(key: jax.Array, pixels: jax.Array, row: jax.Array) -> DataSet:
        return DataSet((draw_points(key, pixels[row], config.set_size),))

    return SetSampler(images.images, draw, len(images.labels))


def standing_sets(
    config: SpatialConfig, images: LabelledImages, count: int, salt: int
) -> PointSets:
    """The points of the first ``count`` images, the same for every run."""
    rng = np.random.default_rng((TEST_SEED, salt))
    x = point_sets(rng, images.images[:count], config.set_size)
    return PointSets(x, images.labels[:count])


def conditional_sampler(
    config: SpatialConfig, model: NeuralStatistician, variables: Variables
) -> Callable[[jax.Array, np.ndarray], np.ndarray]:
    """``(key, contexts [M, C]) -> points [M, N, 2]``: all z's and x are samples."""

    def draw(generative: Any, _: Any, key: jax.Array, c: jax.Array) -> jax.Array:
        return generate_items(
            key, generative, c, config.set_size, layers=config.model.layers
        ).samples

    mapped = functools.partial(jax.jit(map_model(draw, model)), variables)
    return lambda key, contexts: in_batches(mapped, jax.random.split(key, len(contexts)), contexts)


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: NeuralStatistician,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    oracle = train_point_oracle(images.train, config.set_size, config.oracle)
    known = standing_sets(config, images.train, config.neighbour_sets, 0)
    test = standing_sets(config, images.evaluated, config.test_sets, 1)
    ceiling = accuracy(oracle, test.x, test.digits)
    key_bound, key_likelihood, key_draw, key_figure = jax.random.split(
        evaluation_key(request.seed), 4
    )

    encoder = ContextEncoder(model, trained.variables)
    contexts = encoder.means(test.x)
    draw = conditional_sampler(config, model, trained.variables)
    generated = draw(key_draw, contexts)
    objective = functools.partial(neural_statistician_elbo, layers=config.model.layers)
    bound = functools.partial(bound_per_item, objective, model)
    options = {"items": config.set_size, "samples": 1}
    terms = bound(trained.variables, key_bound, test.x, **options)
    untrained = bound(
        trained.initial_variables, key_bound, test.x, batch_statistics=True, **options
    )
    few = test.x[: config.likelihood_sets]
    nested = set_log_likelihoods(
        model, trained.variables, key_likelihood, few, layers=config.model.layers
    )
    of_images = log_density(test.x, images.evaluated.images[: len(test.x)])
    scores = {
        "conditional_digit": Score(
            float(np.mean(predict(oracle, generated) == test.digits)), ceiling, FRACTION
        ),
        "knn_digit": Score(
            knn_accuracy(encoder.means(known.x), known.digits, contexts, test.digits),
            None,
            FRACTION,
        ),
        "nested_log_likelihood_per_item": Score(
            float(nested.mean()) / config.set_size, None, NATS_PER_ITEM
        ),
        "elbo_per_item": Score(float(terms.elbo), None, NATS_PER_ITEM),
    }
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=EXPERIMENT,
            oracle={"digest": digest(oracle), "accuracy": {"digit": ceiling}},
            data=images.about(config.image_size),
            scores=scores,
            details={
                "bound_per_item": plain(terms),
                "untrained_elbo_per_item": float(untrained.elbo),
                "image_log_density_per_item": float(of_images.mean()),
            },
        ),
        title=f"Spatial {images.name}",
        intro=f"A neural statistician of sets of {config.set_size} points, each drawn from the "
        "grey levels of one image (Edwards & Storkey 2017).",
        notes=[
            f"The bound is {float(terms.elbo):.4f} nats per point on {len(test.x)} sets of "
            f"{images.evaluated_on}; an untrained model's is {float(untrained.elbo):.4f}, the log "
            f"density of the images themselves {of_images.mean():.4f}. log p(D) is the nested "
            f"bound of {CONTEXT_SAMPLES} contexts by {LATENT_SAMPLES} latents a point, on the "
            f"first {len(few)} of them."
        ],
        config=flatten(config),
        figures=[
            draw_samples(folder.path, test, contexts, functools.partial(draw, key_figure)),
            draw_course(folder.path, folder.read_metrics()),
        ],
        targets=None,
    )


def draw_samples(
    folder: Path,
    test: PointSets,
    contexts: np.ndarray,
    draw: Callable[[np.ndarray], np.ndarray],
) -> Figure:
    """Evaluation sets, one of each digit where there are enough, and samples given them."""
    _, first = np.unique(test.digits, return_index=True)
    rows = np.concatenate([first, np.setdiff1d(np.arange(len(test.x)), first)])[:SHOWN_SETS]
    samples = draw(np.repeat(contexts[rows], SAMPLES_OF_EACH, axis=0))
    samples = samples.reshape(len(rows), SAMPLES_OF_EACH, *samples.shape[1:])
    return (
        draw_point_sets(folder / "samples.png", test.x[rows], samples, half_width=HALF_WIDTH),
        "Evaluation sets, and sets that the model draws given the mean of each one's context.",
    )
