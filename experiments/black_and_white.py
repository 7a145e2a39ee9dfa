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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax import cli
from cal_jax.axes import DEVICE
from cal_jax.configuration import flatten
from cal_jax.data.binarise import BINARISATIONS, dynamic_binary, static_binary, threshold_binary
from cal_jax.data.context_sets import (
    FACTORS,
    ContextSets,
    black_and_white_sets,
    render_black_and_white,
)
from cal_jax.data.images import ImageSplits, LabelledImages, fingerprint, hold_back
from cal_jax.data.sources import load_images
from cal_jax.errors import InputError
from cal_jax.evaluation import oracle_file
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.generation_scores import (
    Generated,
    RealSets,
    generate,
    generation_scores,
)
from cal_jax.evaluation.oracle import Oracle, OracleConfig, accuracy, predict
from cal_jax.evaluation.oracle_store import stored_oracle
from cal_jax.evaluation.run_record import score_fields, write_run
from cal_jax.evaluation.scores import NATS_PER_ITEM, Score, shown, shown_unit
from cal_jax.figures import draw_set_pairs, draw_sets, draw_synthesis, draw_training
from cal_jax.mapping import init_variables, map_objective
from cal_jax.models.context_aware import ContextAwareConfig, ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.provenance import device_description, source_revision, versions
from cal_jax.report import write_report
from cal_jax.run_folder import RunFolder
from cal_jax.sampler import Sampler
from cal_jax.training import checkpoints
from cal_jax.training.parallel import choose_devices
from cal_jax.training.run import CHECKPOINTS, Task, Trained, TrainingConfig, train
from cal_jax.training.signals import StopSignal
from cal_jax.training.step import DataSet

EXPERIMENT = "black_and_white"
SIZES = {"digit": 10, "background": 2}
TARGETS = {"conditional_background": 0.995, "synthesis_joint": 0.93, "conditional_digit": 0.85}
"""At --preset cpu on MNIST; each counts at the lower of it and 0.98 of its ceiling."""

TEST_SEED = 20_170_817
"""Of the test sets and their binarisation: the same for every run."""


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
        for name in ("set_size", "num_sets", "test_sets"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1: got {getattr(self, name)}")

    @property
    def mix(self) -> tuple[tuple[tuple[int, int], int], ...]:
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

PRESETS = {
    "smoke": BlackAndWhiteConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=_SMALL,
        training=TrainingConfig(steps=40, batch_size=16, chunk_steps=20),
        oracle=OracleConfig(widths=(16, 64), steps=100, batch=32, learning_rate=5e-3),
        num_sets=160,
        test_sets=40,
    ),
    "thesis": BlackAndWhiteConfig(
        summary="the thesis's architecture and 62,500 steps; for an accelerator",
        training=TrainingConfig(chunk_steps=20),
    ),
}


class Images(NamedTuple):
    """What training and evaluation may see of the images."""

    train: LabelledImages
    evaluated: LabelledImages
    name: str
    fingerprint: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return cli.exit_code(lambda: run(_request(arguments)))


def run(request: cli.Request) -> None:
    """Train (or resume), evaluate, draw and report one run in its folder."""
    config = request.config
    images = load(request)
    devices = choose_devices(request.devices)
    run_dir = request.run_dir or Path("runs") / _run_name(request, images)
    with RunFolder.create_or_open(run_dir) as folder:
        if request.from_scratch:
            checkpoints.set_aside(folder.resolve(CHECKPOINTS))
        identity = {**flatten(config), "seed": request.seed, "images": images.fingerprint}
        folder.write_json("config.json", identity)
        model = ContextAwareLearner(config.model)
        with StopSignal() as stop:
            trained = train(
                folder,
                config.training,
                training_task(config, model, images.train, request.seed),
                seed=request.seed,
                devices=devices,
                fingerprint=identity,
                stop=stop,
            )
        evaluate(request, folder, model, trained, images)


def load(request: cli.Request) -> Images:
    """The training images, and those to evaluate on: test images, or held-back training ones."""
    splits = load_images(
        request.data_dir, size=request.config.model.image_size, download=request.download
    )
    train_images, evaluated = splits.train, splits.test
    if request.held_back:
        train_images, evaluated = hold_back(splits.train, request.held_back, seed=0)
    digest = fingerprint(ImageSplits(splits.name, train_images, evaluated))
    return Images(train_images, evaluated, splits.name, digest)


def training_task(
    config: BlackAndWhiteConfig, model: ContextAwareLearner, images: LabelledImages, seed: int
) -> Task:
    """The data sets, the bound and its mapping, for ``training.run.train``."""
    sets = black_and_white_sets(
        np.random.default_rng(seed),
        images.labels,
        num_sets=config.num_sets,
        set_size=config.set_size,
        mix=config.mix,
    )
    pixels = images.images if config.binarisation == "dynamic" else binarised(config, images, seed)
    data = (pixels, sets.items, sets.factors, sets.labels)

    def draw(key: jax.Array, data: Any, row: jax.Array) -> DataSet:
        pixels, items, factors, labels = data
        chosen = pixels[items[row]]
        if config.binarisation == "dynamic":
            chosen = dynamic_binary(key, chosen)
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
    images: Images,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    oracle = oracle_for(request, folder, images.train)
    labels = [tuple(row) for row in np.eye(len(FACTORS), dtype=int)]
    real = tuple(real_sets(config, images.evaluated, label) for label in labels)
    both = real_sets(config, images.evaluated, (1, 1))

    key_bound, key_sets = jax.random.split(jax.random.key(request.seed + 1))
    x, labels_of_x = mixed_sets(config, images.evaluated)
    bound = functools.partial(bound_per_item, model, key=key_bound, x=x, labels=labels_of_x)
    terms = bound(variables=trained.variables)
    untrained = bound(variables=trained.initial_variables, batch_statistics=True)
    sampler = Sampler(model, trained.variables)
    generated = generate(sampler, key_sets, real)
    scores = generation_scores(FACTORS, generated, real, both, functools.partial(predict, oracle))
    scores["elbo_per_item"] = Score(float(terms.elbo), None, NATS_PER_ITEM)

    record = {
        "experiment": EXPERIMENT,
        "preset": request.preset,
        "command": request.command,
        "seed": request.seed,
        "device": device_description(),
        "versions": versions(),
        "revision": source_revision(),
        "seconds": trained.seconds + time.monotonic() - started,
        "oracle": {
            "digest": oracle_file.digest(oracle),
            "accuracy": accuracy(oracle, both.x, both.factors),
        },
        "data": {
            "name": images.name,
            "fingerprint": images.fingerprint,
            "binarisation": config.binarisation,
            "image_size": config.model.image_size,
            "evaluated_on": "held-back training images" if request.held_back else "test images",
        },
        "bound_per_item": {
            name: np.asarray(value).tolist() for name, value in terms._asdict().items()
        },
        "untrained_elbo_per_item": float(untrained.elbo),
        "scores": score_fields(scores),
    }
    write_run(folder.path, record)
    figures = draw(folder, real, generated)
    report = _report(folder, config, record, scores, figures)
    _print_summary(record, scores, report)


def binarised(config: BlackAndWhiteConfig, images: LabelledImages, seed: int) -> np.ndarray:
    """Images in {0, 1}, uint8 [M, H, W], by a fixed rule or draw."""
    if config.binarisation == "threshold":
        return threshold_binary(images.images)
    return static_binary(images.images, seed)


def real_sets(config: BlackAndWhiteConfig, images: LabelledImages, label: tuple) -> RealSets:
    """Test sets of one label, the same for every run."""
    sets = black_and_white_sets(
        np.random.default_rng((TEST_SEED, *label)),
        images.labels,
        num_sets=config.test_sets,
        set_size=config.set_size,
        mix=((label, 1),),
    )
    return RealSets(_rendered(config, images, sets), sets.factors)


def mixed_sets(
    config: BlackAndWhiteConfig, images: LabelledImages
) -> tuple[np.ndarray, np.ndarray]:
    """Test sets in training's mix of labels, for the bound: x [M, N, H, W] and labels [M, K]."""
    sets = black_and_white_sets(
        np.random.default_rng(TEST_SEED),
        images.labels,
        num_sets=config.test_sets,
        set_size=config.set_size,
        mix=config.mix,
    )
    return _rendered(config, images, sets), sets.labels


def oracle_for(request: cli.Request, folder: RunFolder, images: LabelledImages) -> Oracle:
    """The oracle of these training images, trained on fresh binarisations of them."""
    config = request.config
    size = config.model.image_size
    grey, digits = jnp.asarray(images.images), jnp.asarray(images.labels)

    def draw_batch(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key_row, key_background, key_pixels = jax.random.split(key, 3)
        shape = (config.oracle.batch,)
        rows = jax.random.randint(key_row, shape, 0, len(digits))
        backgrounds = jax.random.bernoulli(key_background, 0.5, shape).astype(jnp.int32)
        if config.binarisation == "threshold":
            pixels = (grey[rows] > 127).astype(jnp.float32)
        else:
            pixels = dynamic_binary(key_pixels, grey[rows])
        x = render_black_and_white(pixels, backgrounds)
        return x, jnp.stack([digits[rows], backgrounds], axis=-1)

    source = fingerprint(ImageSplits("", images, images))
    return stored_oracle(
        request.oracle_dir or folder.path.parent / "oracles",
        draw_batch,
        SIZES,
        size,
        config.oracle,
        training_data=f"{EXPERIMENT} {source} {config.binarisation}",
    )


def draw(
    folder: RunFolder, real: tuple[RealSets, ...], generated: Generated
) -> list[tuple[Path, str]]:
    """The figures that correspond to 6.2-6.4, to 6.7, and the course of training."""
    path = folder.resolve
    digit, background = real
    mixed = np.concatenate([digit.x[:3], background.x[:2]])[:, :5]
    given = np.concatenate([digit.x[:5], background.x[:5]])
    answers = np.concatenate([sets.samples[:5] for sets in generated.conditional])
    prior_digit, prior_background = (sets.means[:10] for sets in generated.unconditional)
    synthesised = np.concatenate([generated.synthesis.means[:1], generated.synthesis.samples[:1]])
    return [
        (
            draw_sets(path("data_sets.png"), mixed, title="Five data sets"),
            "Five data sets: digit constant in three, background in two (figure 6.2).",
        ),
        (
            draw_set_pairs(
                path("from_priors.png"),
                prior_digit,
                prior_background,
                "digit constant",
                "background constant",
            ),
            "Data sets generated from the label alone, decoder means (figure 6.3).",
        ),
        (
            draw_set_pairs(path("conditional.png"), given, answers, "given", "generated"),
            "Left: sets given to the model, digit constant in five, background in five. Right: "
            "decoder samples from the means of their constant contexts (figure 6.4).",
        ),
        (
            draw_synthesis(
                path("synthesis.png"),
                digit.x[0],
                background.x[0],
                synthesised,
                first_label="digit from",
                second_label="background from",
            ),
            "A set with the digit of one source and the background of another: decoder means, "
            "then samples.",
        ),
        (
            draw_training(path("training.png"), folder.read_metrics()),
            "The unweighted bound and its terms in training, nats per item.",
        ),
    ]


def _request(arguments: Sequence[str] | None) -> cli.Request:
    assert __doc__
    return cli.request(f"experiments.{EXPERIMENT}", __doc__.splitlines()[0], PRESETS, arguments)


def _run_name(request: cli.Request, images: Images) -> str:
    held_back = "-held-back" if request.held_back else ""
    return f"{EXPERIMENT}-{request.preset}-{images.name}{held_back}-seed{request.seed}"


def _rendered(config: BlackAndWhiteConfig, images: LabelledImages, sets: ContextSets) -> np.ndarray:
    binary = binarised(config, images, TEST_SEED)
    shown = jnp.asarray(binary[sets.items])
    return np.asarray(render_black_and_white(shown, jnp.asarray(sets.factors[..., 1])))


def _report(
    folder: RunFolder,
    config: BlackAndWhiteConfig,
    record: dict[str, Any],
    scores: dict[str, Score],
    figures: list[tuple[Path, str]],
) -> Path:
    data = record["data"]
    published = record["preset"] == "cpu" and data["name"] == "mnist"
    return write_report(
        folder.resolve("report.html"),
        title=f"Black & white {data['name']}, preset {record['preset']}, seed {record['seed']}",
        command=record["command"],
        intro=[
            "The weakly supervised context-aware learner (thesis 6.4.1): sets share a digit or a "
            "background; which of the two is known, its value is not.",
            f"Evaluated on {data['evaluated_on']}, {data['binarisation']} binarisation. The bound "
            f"is {scores['elbo_per_item'].value:.2f} nats per item; an untrained model's is "
            f"{record['untrained_elbo_per_item']:.2f}.",
        ],
        scores=scores,
        figures=figures,
        config=flatten(config),
        provenance={
            name: record[name] for name in ("device", "seconds", "versions", "oracle", "data")
        },
        targets=TARGETS if published else None,
    )


def _print_summary(record: dict[str, Any], scores: dict[str, Score], report: Path) -> None:
    print(f"\n{'score':30}{'value':>10}{'ceiling':>10}")
    for name, score in scores.items():
        value, ceiling = shown(score.value, score.unit), shown(score.ceiling, score.unit)
        print(f"{name:30}{value:>10}{ceiling:>10}  {shown_unit(score.unit)}")
    print(
        f"\nbound: {scores['elbo_per_item'].value:.2f} nats per item "
        f"({record['data']['binarisation']} binarisation, {record['data']['evaluated_on']}); "
        f"untrained: {record['untrained_elbo_per_item']:.2f}"
    )
    print(
        f"oracle {record['oracle']['digest'][:12]}, {record['seconds']:.0f} s on {record['device']}"
    )
    print(f"report: {report}")


if __name__ == "__main__":
    sys.exit(main())
