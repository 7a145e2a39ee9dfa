"""The autoencoder of images with two latent dimensions, as an experiment (thesis 4.4).

One model for each binarisation: its bound, the importance-weighted one, and how well the
two dimensions tell the digits apart.
"""

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.binarise import EXPLANATIONS, dynamic_binary, fixed_binary
from cal_jax.data.images import LabelledImages
from cal_jax.data.set_samplers import SetSampler
from cal_jax.data.sources import Evaluation
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.inference.likelihood import item_log_likelihoods
from cal_jax.inference.mapping import map_model
from cal_jax.inference.sampler import in_batches
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.neighbours import knn_accuracy
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, Score
from cal_jax.models.vae import VAE
from cal_jax.objectives.vae import vae_elbo
from cal_jax.training.config import Trained
from cal_jax.training.step import DataSet
from experiments.common.figures import Figure, draw_course
from experiments.common.run import (
    TEST_SEED,
    Fit,
    SeedRun,
    evaluation_key,
    fit_runs,
    images_of,
    open_runs,
    open_within,
    run_identity,
)
from experiments.results.publish import Run, Targets, plain, publish, targets_of
from experiments.vae_mnist.config import AutoencoderConfig
from experiments.vae_mnist.figures import draw_latent_space

EXPERIMENT = "vae_mnist"
ELBO_SAMPLES = 10
"""Monte Carlo samples of each test image."""


class Fitted(NamedTuple):
    """One trained model, and what it is evaluated on."""

    binarisation: str
    trained: Trained
    folder: RunFolder


def run(targets: Mapping[str, Targets], request: program.Request) -> None:
    """Train (or resume) every model, evaluate, draw and report the run of each seed in its folder.

    Args:
      targets: what is asked of the scores on MNIST, by preset.
      request: what was asked for.
    """
    config = request.config
    program.require_packages("matplotlib", "jinja2", "sklearn")
    images = images_of(request, config.image_size)
    model = VAE(config.model, (config.image_size, config.image_size))
    with open_runs(request, EXPERIMENT, images.name) as runs:
        fitted = [fit_one(runs, model, images, name) for name in config.binarisations]
        if is_first():
            for (one, folder), *of_seed in zip(runs, *fitted, strict=True):
                folder.write_json(CONFIG_FILE, run_identity(one, images=images.digest))
                evaluate(targets, one, folder, model, of_seed, images)


def fit_one(
    runs: Sequence[SeedRun], model: VAE, images: Evaluation, binarisation: str
) -> list[Fitted]:
    """Train one model of each seed in a folder of its own, or resume it."""
    config = runs[0].request.config
    with open_within(runs, binarisation) as own:
        trains_on = config.trained_as(binarisation)
        trained = fit_runs(
            own,
            Fit(model, None, lambda seed: training_images(images.train, trains_on, seed)),
            images=images.digest,
            binarisation=binarisation,
        )
        return [
            Fitted(binarisation, one, run.folder) for run, one in zip(own, trained, strict=True)
        ]


def training_images(images: LabelledImages, binarisation: str, seed: int) -> SetSampler:
    """The images, each binarised at every visit or once."""
    dynamic = binarisation == "dynamic"
    pixels = images.images if dynamic else fixed_binary(images.images, binarisation, seed)

    def draw(key: jax.Array, pixels: jax.Array, row: jax.Array) -> DataSet:
        x = dynamic_binary(key, pixels[row]) if dynamic else pixels[row].astype(jnp.float32)
        return DataSet((x,))

    return SetSampler(pixels, draw, len(pixels))


def evaluate(
    targets: Mapping[str, Targets],
    request: program.Request,
    folder: RunFolder,
    model: VAE,
    fitted: Sequence[Fitted],
    images: Evaluation,
) -> None:
    """Score the trained models and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    scores: dict[str, Score] = {}
    details: dict[str, Any] = {}
    figures: list[Figure] = []
    for one in fitted:
        found, bound, drawn = _evaluate_one(request, folder, model, one, images)
        scores |= found
        details[one.binarisation] = bound
        figures += drawn
    spent = sum(one.trained.seconds for one in fitted)
    publish(
        folder.path,
        Run(
            experiment=EXPERIMENT,
            preset=request.preset,
            command=request.command,
            revision=fitted[0].trained.revision,
            seed=request.seed,
            seconds=spent + time.monotonic() - started,
            data=images.about(config.image_size),
            scores=scores,
            thesis={f"knn_digit_{name}": "figure 4.3, no number" for name in config.binarisations},
            details={"bound_per_item": details},
        ),
        title=f"2-D autoencoder of {images.name}",
        intro="A variational autoencoder with two latent dimensions (thesis 4.4), one model for "
        "each binarisation.",
        notes=[
            f"Bounds in nats per image on {images.evaluated_on}, which are binarised once. "
            "Bounds of threshold images and of drawn ones are not comparable: "
            + "; ".join(f"{name}: {EXPLANATIONS[name]}" for name in config.binarisations)
            + ".",
            f"iwae_{config.likelihood_samples}: the importance-weighted bound of so many samples, "
            f"on {len(likelihood_rows(config, len(images.evaluated.labels)))} of the images, drawn "
            "once; elbo_subset: the bound on these.",
        ],
        config=flatten(config),
        figures=figures,
        targets=targets_of(request, targets) if images.name == "mnist" else None,
    )


def _evaluate_one(
    request: program.Request, folder: RunFolder, model: VAE, fitted: Fitted, images: Evaluation
) -> tuple[dict[str, Score], dict[str, Any], list[Figure]]:
    """The scores, the terms of the bound and the figures of one model."""
    config, name, variables = request.config, fitted.binarisation, fitted.trained.variables
    test = fixed_binary(images.evaluated.images, name, TEST_SEED).astype(np.float32)
    train = fixed_binary(images.train.images, name, request.seed).astype(np.float32)
    key_bound, key_likelihood = jax.random.split(evaluation_key(request.seed))
    bound = functools.partial(bound_per_item, vae_elbo, model, variables, key_bound, items=1)
    terms = bound(test, samples=ELBO_SAMPLES)
    subset = test[likelihood_rows(config, len(test))]
    likelihoods = item_log_likelihoods(
        model, variables, key_likelihood, subset, samples=config.likelihood_samples
    )
    means = posterior_means(model, variables, test)
    knn = knn_accuracy(
        posterior_means(model, variables, train),
        images.train.labels,
        means,
        images.evaluated.labels,
    )
    scores = {
        f"elbo_{name}": Score(float(terms.elbo), None, NATS_PER_ITEM),
        f"elbo_subset_{name}": Score(
            float(bound(subset, samples=ELBO_SAMPLES).elbo), None, NATS_PER_ITEM
        ),
        f"iwae_{config.likelihood_samples}_{name}": Score(
            float(likelihoods.mean()), None, NATS_PER_ITEM
        ),
        f"knn_digit_{name}": Score(knn, None, FRACTION),
    }
    figures = [
        *draw_latent_space(folder.path, name, model, variables, means, images.evaluated.labels),
        draw_course(fitted.folder.path, fitted.folder.read_metrics(), of=f"{name} binarisation"),
    ]
    return scores, plain(terms), figures


def likelihood_rows(config: AutoencoderConfig, num_images: int) -> np.ndarray:
    """The test images whose importance-weighted bound is taken, the same for every run."""
    order = np.random.default_rng(TEST_SEED).permutation(num_images)
    return np.sort(order[: config.likelihood_images])


def posterior_means(model: VAE, variables: Any, x: np.ndarray) -> np.ndarray:
    """Means of q(z | x) of images [M, H, W], [M, 2]."""
    return in_batches(functools.partial(_compiled_means(model), variables), x, size=1_000)


@functools.lru_cache(maxsize=1)
def _compiled_means(model: VAE) -> Any:
    def mean_of(_: Any, inference: Any, x: jax.Array) -> jax.Array:
        return inference.posterior(x).mean()

    return jax.jit(map_model(mean_of, model))
