"""Black & white MNIST with known labels (thesis 6.4.1, figures 6.2-6.4).

    python -m experiments.black_and_white --preset cpu --data-dir DIR

Trains the weakly supervised context-aware learner, generates data sets from
its priors, from given sets and from two sources, and scores them with an
oracle. What each preset reached is in the README's table.
"""

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax import cli
from cal_jax.axes import DEVICE
from cal_jax.configuration import flatten
from cal_jax.data.binarise import BINARISATIONS, dynamic_binary, fixed_binary, fresh_binary
from cal_jax.data.context_sets import (
    FACTORS,
    ContextSets,
    black_and_white_sets,
    render_black_and_white,
)
from cal_jax.data.images import ImageSplits, LabelledImages, fingerprint
from cal_jax.data.label_mix import Mix
from cal_jax.data.sources import Evaluation, load_for_evaluation
from cal_jax.errors import InputError
from cal_jax.evaluation import oracle_file
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.generation_scores import RealSets, generate, generation_scores
from cal_jax.evaluation.oracle import SMALLEST_IMAGE, Oracle, OracleConfig, accuracy, predict
from cal_jax.evaluation.oracle_store import stored_oracle
from cal_jax.evaluation.scores import NATS_PER_ITEM, Score
from cal_jax.experiment import TEST_SEED, evaluation_key, open_run, train_in
from cal_jax.generation_figures import draw_course, draw_generation
from cal_jax.mapping import Variables, init_variables, map_objective
from cal_jax.models.context_aware import ContextAwareConfig, ContextAwareLearner
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.publication import Run, bound_note, plain, publish
from cal_jax.run_folder import RunFolder
from cal_jax.sampler import Sampler
from cal_jax.training.run import Task, Trained, TrainingConfig
from cal_jax.training.step import DataSet

EXPERIMENT = "black_and_white"
SIZES = {"digit": 10, "background": 2}
TARGETS = {"conditional_background": 0.995, "synthesis_joint": 0.93, "conditional_digit": 0.85}
"""At --preset cpu on MNIST; each counts at the lower of it and 0.98 of its ceiling."""

Label = tuple[int, int]


@dataclass(frozen=True)
class BlackAndWhiteConfig:
    """Everything that decides a run but the seed and the images."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    oracle: OracleConfig = field(default_factory=OracleConfig)
    binarisation: str = "static"
    """static, dynamic or threshold (decision 5)."""
    num_sets: int = 20_000
    """Created in advance, as rows of the image array."""
    set_size: int = 10
    digit_sets: int = 5
    """Digit-constant sets for every background-constant one, in training and in the bound."""
    test_sets: int = 2_000

    def __post_init__(self) -> None:
        if self.binarisation not in BINARISATIONS:
            raise InputError(
                f"binarisation must be one of {', '.join(BINARISATIONS)}: got {self.binarisation!r}"
            )
        least = {"set_size": 2, "num_sets": 1, "test_sets": 10, "digit_sets": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InputError(f"{name} must be at least {smallest}: got {getattr(self, name)}")
        if self.model.num_contexts != len(FACTORS):
            raise InputError(f"model.num_contexts must be {len(FACTORS)}: {', '.join(FACTORS)}")
        if self.model.image_size < SMALLEST_IMAGE:
            raise InputError(f"model.image_size must be at least {SMALLEST_IMAGE} for the oracle")

    @property
    def mix(self) -> Mix:
        """Labels with their weights."""
        return (((1, 0), self.digit_sets), ((0, 1), 1))


_SMALL = ContextAwareConfig(
    image_network="dense",
    context_dim=16,
    latent_dim=8,
    image_size=14,
    dense_width=128,
    statistic_width=64,
    inference_width=64,
)

_CPU = ContextAwareConfig(
    image_network="dense", context_dim=32, dense_width=384, statistic_width=128
)

_LONG = TrainingConfig(batch_size=16, schedule="cosine", chunk_steps=250, chunk_form="scan")

PRESETS = {
    "smoke": BlackAndWhiteConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=OracleConfig(widths=(16, 64), steps=100, batch=32, learning_rate=5e-3),
        num_sets=160,
        test_sets=40,
    ),
    "demo": BlackAndWhiteConfig(
        summary="a few minutes on 2 cores, for the embedded digits",
        model=_SMALL,
        training=replace(_LONG, steps=8_000, learning_rate=1e-3),
        oracle=OracleConfig(
            widths=(32, 64, 256), steps=500, batch=64, learning_rate=4e-3, dropout=0.3
        ),
        binarisation="dynamic",
        num_sets=8_000,
    ),
    "cpu": BlackAndWhiteConfig(
        summary="some 10 minutes on 2 cores, for MNIST; its scores are published",
        model=_CPU,
        training=replace(_LONG, steps=30_000, learning_rate=2e-3, alpha_half_life=0.3),
        oracle=OracleConfig(steps=2_500, learning_rate=2e-3, dropout=0.2, shift=1),
    ),
    "thesis": BlackAndWhiteConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        training=TrainingConfig(chunk_steps=20),
        oracle=OracleConfig(steps=2_500, learning_rate=2e-3, dropout=0.2, shift=1),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return cli.exit_code(lambda: run(_request(arguments)))


def run(request: cli.Request) -> None:
    """Train (or resume), evaluate, draw and report one run in its folder."""
    config = request.config
    cli.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    images = load_for_evaluation(
        request.data_dir,
        size=config.model.image_size,
        download=request.download,
        held_back=request.held_back,
    )
    model = ContextAwareLearner(config.model)
    with open_run(request, EXPERIMENT, images.name) as folder:
        task = training_task(config, model, images.train, request.seed)
        trained = train_in(folder, request, config.training, task, images=images.digest)
        evaluate(request, folder, model, trained, images)


def training_task(
    config: BlackAndWhiteConfig, model: ContextAwareLearner, images: LabelledImages, seed: int
) -> Task:
    """The data sets, the bound and its mapping, for ``training.run.train``."""
    sets = data_sets(config, images, np.random.default_rng(seed), config.num_sets, config.mix)
    dynamic = config.binarisation == "dynamic"
    pixels = images.images if dynamic else fixed_binary(images.images, config.binarisation, seed)
    data = (pixels, sets.items, sets.factors, sets.labels)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        pixels, items, factors, labels = data
        chosen = dynamic_binary(key, pixels[items[row]]) if dynamic else pixels[items[row]]
        return DataSet((render_black_and_white(chosen, factors[row, :, 1]), labels[row]))

    def init() -> Any:
        key = jax.random.key(seed)
        one = draw(key, jax.tree.map(jnp.asarray, data), jnp.int32(0))
        return init_variables(context_aware_elbo, model, key, *one.data)

    mapped = map_objective(context_aware_elbo, model, extra_axes=(DEVICE,))
    return Task(init, mapped, weighted_objective, draw, data, config.num_sets)


def evaluate(
    request: cli.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    images: Evaluation,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    oracle = oracle_for(config, request.oracle_dir or folder.path.parent / "oracles", images.train)
    pixels = fixed_binary(images.evaluated.images, config.binarisation, TEST_SEED)
    binary = images.evaluated._replace(images=pixels)
    real = tuple(real_sets(config, binary, label) for label in ((1, 0), (0, 1)))
    both = real_sets(config, binary, (1, 1))
    mixed, labels = mixed_sets(config, binary)

    key_bound, key_sets = jax.random.split(evaluation_key(request.seed))

    def bound(variables: Variables, **options: Any) -> ContextAwareTerms:
        return bound_per_item(
            context_aware_elbo,
            model,
            variables,
            key_bound,
            mixed,
            labels,
            items=config.set_size,
            **options,
        )

    terms = bound(trained.variables)
    untrained = bound(trained.initial_variables, batch_statistics=True)
    generated = generate(Sampler(model, trained.variables, config.set_size), key_sets, real)
    scores = generation_scores(FACTORS, generated, real, both, functools.partial(predict, oracle))
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)
    is_published = images.name == "mnist" and config == PRESETS["cpu"] and not request.held_back
    targets = {
        name: min(goal, 0.98 * (scores[name].ceiling or goal)) for name, goal in TARGETS.items()
    }
    publish(
        folder.path,
        Run(
            experiment=EXPERIMENT,
            preset=request.preset,
            command=request.command,
            revision=trained.revision,
            seed=request.seed,
            seconds=trained.seconds + time.monotonic() - started,
            oracle={
                "digest": oracle_file.digest(oracle),
                "accuracy": accuracy(oracle, both.x, both.factors),
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
        title=f"Black & white {images.name}, preset {request.preset}, seed {request.seed}",
        intro="The weakly supervised context-aware learner (thesis 6.4.1): the items of a set "
        "share a digit or a background; which of the two is known, its value is not.",
        notes=[
            bound_note(
                float(terms.elbo), float(untrained.elbo), config.binarisation, images.evaluated_on
            )
        ],
        config=flatten(config),
        figures=[
            *draw_generation(folder.path, FACTORS, real, generated),
            draw_course(folder.path, folder.read_metrics(), FACTORS),
        ],
        targets=targets if is_published else None,
    )


def data_sets(
    config: BlackAndWhiteConfig,
    images: LabelledImages,
    rng: np.random.Generator,
    num_sets: int,
    mix: Mix,
) -> ContextSets:
    """Sets of these images in a mix of labels."""
    return black_and_white_sets(
        rng, images.labels, num_sets=num_sets, set_size=config.set_size, mix=mix
    )


def real_sets(config: BlackAndWhiteConfig, binary: LabelledImages, label: Label) -> RealSets:
    """Evaluation sets of one label, the same for every run."""
    rng = np.random.default_rng((TEST_SEED, *label))
    sets = data_sets(config, binary, rng, config.test_sets, ((label, 1),))
    return RealSets(rendered(binary, sets), sets.factors)


def mixed_sets(
    config: BlackAndWhiteConfig, binary: LabelledImages
) -> tuple[np.ndarray, np.ndarray]:
    """Evaluation sets in training's mix of labels: x [M, N, H, W] and labels [M, K]."""
    rng = np.random.default_rng(TEST_SEED)
    sets = data_sets(config, binary, rng, config.test_sets, config.mix)
    return rendered(binary, sets), sets.labels


def rendered(binary: LabelledImages, sets: ContextSets) -> np.ndarray:
    """The pixels of evaluation sets, float [M, N, H, W], from images in {0, 1}."""
    backgrounds = jnp.asarray(sets.factors[..., 1])
    return np.asarray(render_black_and_white(jnp.asarray(binary.images[sets.items]), backgrounds))


def oracle_for(config: BlackAndWhiteConfig, directory: Path, images: LabelledImages) -> Oracle:
    """The oracle of these training images, trained on fresh binarisations of them."""
    grey, digits = jnp.asarray(images.images), jnp.asarray(images.labels)

    def draw_batch(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key_row, key_background, key_pixels = jax.random.split(key, 3)
        shape = (config.oracle.batch,)
        rows = jax.random.randint(key_row, shape, 0, len(digits))
        backgrounds = jax.random.bernoulli(key_background, 0.5, shape).astype(jnp.int32)
        binary = fresh_binary(key_pixels, grey[rows], config.binarisation)
        x = render_black_and_white(binary, backgrounds)
        return x, jnp.stack([digits[rows], backgrounds], axis=-1)

    digest = fingerprint(ImageSplits("", images, images))
    return stored_oracle(
        directory,
        draw_batch,
        SIZES,
        config.model.image_size,
        config.oracle,
        training_data=f"{EXPERIMENT} {digest} {config.binarisation}",
    )


def _request(arguments: Sequence[str] | None) -> cli.Request:
    assert __doc__
    return cli.request(f"experiments.{EXPERIMENT}", __doc__.splitlines()[0], PRESETS, arguments)


if __name__ == "__main__":
    sys.exit(main())
