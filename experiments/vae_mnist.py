"""A variational autoencoder of MNIST with two latent dimensions (thesis 4.4, figure 4.3).

    python -m experiments.vae_mnist --preset thesis --data-dir DIR

Trains one model for each binarisation and reports the test ELBO, the
importance-weighted bound, and how well the two dimensions tell the digits
apart. What each preset reached is in the README's table.
"""

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax import cli
from cal_jax.axes import DEVICE
from cal_jax.configuration import flatten
from cal_jax.data.binarise import BINARISATIONS, EXPLANATIONS, dynamic_binary, fixed_binary
from cal_jax.data.images import LabelledImages
from cal_jax.data.sources import Evaluation, load_for_evaluation
from cal_jax.distributed import is_first
from cal_jax.errors import InputError
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.likelihood import item_log_likelihoods
from cal_jax.evaluation.neighbours import knn_accuracy
from cal_jax.evaluation.scores import FRACTION, NATS_PER_ITEM, Score
from cal_jax.experiment import (
    TEST_SEED,
    SeedRun,
    evaluation_key,
    open_runs,
    open_within,
    run_identity,
    train_in,
)
from cal_jax.generation_figures import Figure, draw_course
from cal_jax.mapping import init_variables, map_model, map_objective
from cal_jax.models.vae import VAE, VAEConfig
from cal_jax.objectives.vae import vae_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.publication import Run, plain, publish
from cal_jax.results import CONFIG_FILE
from cal_jax.run_folder import RunFolder
from cal_jax.sampler import in_batches
from cal_jax.training.run import Task, Trained, TrainingConfig
from cal_jax.training.step import DataSet
from cal_jax.vae_figures import draw_latent_space

EXPERIMENT = "vae_mnist"
TARGETS = {
    "thesis": {"elbo_static": -144.5, "elbo_threshold": -140.0},
    "best": {"elbo_static": -138.0},
}
"""On MNIST's test images, by preset."""

ELBO_SAMPLES = 10
"""Monte Carlo samples of each test image."""


@dataclass(frozen=True)
class VAEMNISTConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    model: VAEConfig = field(default_factory=VAEConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=93_750,
            batch_size=32,
            learning_rate=1e-3,
            alpha=0.0,
            chunk_steps=375,
            chunk_form="scan",
        )
    )
    """50 epochs of 60,000 images in batches of 32."""
    binarisations: tuple[str, ...] = BINARISATIONS
    """A model for each: static, dynamic, threshold (decision 5)."""
    redrawn: bool = False
    """Train ``static`` too on images drawn afresh at every visit, as ``dynamic`` always is; the
    test images stay what they are."""
    likelihood_samples: int = 5_000
    """Importance samples of each test image."""
    likelihood_images: int = 1_000
    """Test images whose importance-weighted bound is taken: a fixed random subset."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.binarisations if name not in BINARISATIONS]
        repeated = len(set(self.binarisations)) < len(self.binarisations)
        if unknown or repeated or not self.binarisations:
            raise InputError(
                f"binarisations must be some of {', '.join(BINARISATIONS)}, each once: "
                f"got {self.binarisations}"
            )
        if self.redrawn and "static" not in self.binarisations:
            raise InputError(
                f"redrawn is for static binarisation: binarisations are {self.binarisations}"
            )
        for name in ("likelihood_samples", "likelihood_images"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")
        if self.model.latent_dim != 2:
            raise InputError(
                f"model.latent_dim must be 2, to be drawn: got {self.model.latent_dim}"
            )


_THESIS = VAEMNISTConfig(
    summary="section 4.4 in full: three models of 50 epochs; some 30 minutes on 2 cores"
)

PRESETS = {
    "smoke": VAEMNISTConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=VAEConfig(image_size=8, encoder_widths=(16, 8), decoder_widths=(8, 16)),
        training=replace(_THESIS.training, steps=40, chunk_steps=20),
        likelihood_samples=20,
        likelihood_images=40,
    ),
    "cpu": replace(
        _THESIS,
        summary="three models of 8 epochs, the rate brought down: some 6 minutes on 2 cores",
        training=replace(_THESIS.training, steps=15_000, schedule="cosine"),
    ),
    "thesis": _THESIS,
    "best": VAEMNISTConfig(
        summary="wider networks, full covariances, drawn training images; some 10 minutes",
        model=VAEConfig(
            encoder_widths=(1024, 512, 256),
            decoder_widths=(256, 512, 1024),
            covariance="full",
        ),
        training=replace(_THESIS.training, steps=28_080, batch_size=128, schedule="cosine"),
        binarisations=("static",),
        redrawn=True,
    ),
}


class Fitted(NamedTuple):
    """One trained model, and what it is evaluated on."""

    binarisation: str
    trained: Trained
    folder: RunFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return cli.run_experiment(lambda: _request(arguments), run)


def run(request: cli.Request) -> None:
    """Train (or resume) every model, evaluate, draw and report one run in its folder."""
    config = request.config
    cli.require_packages("matplotlib", "jinja2", "sklearn")
    images = load_for_evaluation(
        request.data_dir,
        size=config.model.image_size,
        download=request.download,
        held_back=request.held_back,
    )
    model = VAE(config.model)
    with open_runs(request, EXPERIMENT, images.name) as runs:
        fitted = [fit(runs, model, images, name) for name in config.binarisations]
        if is_first():
            for (one, folder), *of_seed in zip(runs, *fitted, strict=True):
                folder.write_json(CONFIG_FILE, run_identity(one, images=images.digest))
                evaluate(one, folder, model, of_seed, images)


def fit(runs: Sequence[SeedRun], model: VAE, images: Evaluation, binarisation: str) -> list[Fitted]:
    """Train one model of each seed in a folder of its own, or resume it."""
    config = runs[0].request.config
    with open_within(runs, binarisation) as own:
        trains_on = training_binarisation(config, binarisation)
        tasks = [training_task(model, images.train, trains_on, run.request.seed) for run in own]
        trained = train_in(
            own,
            config.training,
            tasks,
            images=images.digest,
            binarisation=binarisation,
        )
        return [
            Fitted(binarisation, one, run.folder) for run, one in zip(own, trained, strict=True)
        ]


def training_binarisation(config: VAEMNISTConfig, binarisation: str) -> str:
    """How the training images are binarised of the model named after its test images'."""
    return "dynamic" if config.redrawn and binarisation == "static" else binarisation


def training_task(model: VAE, images: LabelledImages, binarisation: str, seed: int) -> Task:
    """The images, the bound and its mapping, for ``training.train.train``."""
    dynamic = binarisation == "dynamic"
    pixels = images.images if dynamic else fixed_binary(images.images, binarisation, seed)

    def draw(key: jax.Array, pixels: jax.Array, row: jax.Array) -> DataSet:
        x = dynamic_binary(key, pixels[row]) if dynamic else pixels[row].astype(jnp.float32)
        return DataSet((x,))

    def init() -> Any:
        key = jax.random.key(seed)
        return init_variables(vae_elbo, model, key, jnp.zeros(pixels.shape[1:]))

    mapped = map_objective(vae_elbo, model, extra_axes=(DEVICE,))
    return Task(init, mapped, weighted_objective, draw, pixels, len(pixels), of_sets=False)


def evaluate(
    request: cli.Request,
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
    is_published = images.name == "mnist" and not request.held_back
    is_published = is_published and config == PRESETS[request.preset]
    publish(
        folder.path,
        Run(
            experiment=EXPERIMENT,
            preset=request.preset,
            command=request.command,
            revision=fitted[0].trained.revision,
            seed=request.seed,
            seconds=spent + time.monotonic() - started,
            data={
                "name": images.name,
                "fingerprint": images.digest,
                "image_size": config.model.image_size,
                "evaluated_on": images.evaluated_on,
            },
            scores=scores,
            thesis={f"knn_digit_{name}": "figure 4.3, no number" for name in config.binarisations},
            details={"bound_per_item": details},
        ),
        title=f"2-D autoencoder of {images.name}, preset {request.preset}, seed {request.seed}",
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
        targets=TARGETS.get(request.preset) if is_published else None,
    )


def _evaluate_one(
    request: cli.Request, folder: RunFolder, model: VAE, fitted: Fitted, images: Evaluation
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


def likelihood_rows(config: VAEMNISTConfig, num_images: int) -> np.ndarray:
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


def _request(arguments: Sequence[str] | None) -> cli.Request:
    assert __doc__
    return cli.request(
        f"experiments.{EXPERIMENT}", __doc__.splitlines()[0], PRESETS, arguments, oracle=False
    )


if __name__ == "__main__":
    sys.exit(main())
