"""Uses of a trained model's contexts: few-shot classification, retrieval, prediction.

    python -m experiments.context_uses --weights runs/RUN/weights.safetensors --preset cpu \
        --data-dir DIR

Trains no model. On real sets of every value of each factor: few-shot classification and
retrieval by the KL between contexts, the predictive log p(x_new | D), consistency and
restrictiveness, and how much of the bound is amortisation. Of a model that was trained
with ``--training-classes 0 1 2 3 4 5 6``, ``--digits 7 8 9`` asks about
digits that it never saw.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, omit_default, require_at_least
from cal_jax.data.factors import DigitFactors
from cal_jax.data.images import of_classes
from cal_jax.data.sources import Evaluation
from cal_jax.errors import InputError
from cal_jax.evaluation.oracle import storage as oracle_file
from cal_jax.evaluation.oracle.factors import factor_oracle
from cal_jax.evaluation.oracle.train import Oracle, OracleConfig, accuracy, predict
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.plots.curves import draw_curve
from cal_jax.trained import digits_binarisation
from experiments.common.figures import Figure
from experiments.common.image_sets_config import (
    ROTATED_ORACLE,
    SMALL_ORACLE,
    require_digits,
)
from experiments.common.run import TEST_SEED, evaluation_key, images_of, open_runs, run_identity
from experiments.context_uses import scores as context_uses
from experiments.results.publish import Run, publish


@dataclass(frozen=True)
class ContextUsesConfig:
    """Everything that decides the scores but the weights, the seed and the images."""

    summary: str
    oracle: OracleConfig = field(default_factory=lambda: ROTATED_ORACLE)
    digits: tuple[int, ...] = omit_default(())
    """That the sets show; none named: all."""
    sets_per_value: int = 100
    """Real sets of each value of each factor."""
    shots: tuple[int, ...] = (1, 5)
    """Images by which a class is known."""
    sizes: tuple[int, ...] = (1, 2, 5, 10, 20)
    """|D| of the predictive."""
    new_items: int = 5
    """Predicted from each set."""
    predictive_sets: int = 40
    contexts: int = 50
    """J, samples of a set's constant contexts."""
    latents: int = 20
    """S, samples of an item's varying contexts and z."""
    generated_sets: int = 2_000
    refined_sets: int = 20
    """Sets whose posteriors are refined."""
    refining_steps: int = 300

    def __post_init__(self) -> None:
        require_digits(self, "digits")
        for name in ("shots", "sizes"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise InputError(
                    f"{name} must be one or more of at least 1: got {getattr(self, name)}"
                )
        counts = ("predictive_sets", "contexts", "latents", "refined_sets", "refining_steps")
        require_at_least(self, sets_per_value=2, new_items=1, generated_sets=2)
        require_at_least(self, **dict.fromkeys(counts, 1))


PRESETS = {
    "smoke": ContextUsesConfig(
        summary="seconds, for tests",
        oracle=SMALL_ORACLE,
        sets_per_value=4,
        sizes=(1, 5),
        new_items=2,
        predictive_sets=4,
        contexts=4,
        latents=2,
        generated_sets=20,
        refined_sets=2,
        refining_steps=5,
    ),
    "cpu": ContextUsesConfig(summary="minutes on 2 cores, for MNIST"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return program.run_experiment(lambda: _request(arguments), run)


def run(request: program.Request) -> None:
    """Score the model of the weights in the folder of each seed."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    assert request.weights is not None
    trained = weights.load(request.weights)
    digits_binarisation(trained)
    images = images_of(request, trained.model.event_shape[0])
    name = "-".join(["context_uses", *trained.names])
    with open_runs(request, name, images.name) as runs:
        if is_first():
            for one, folder in runs:
                evaluate(name, one, folder, trained, images)


def evaluate(
    name: str,
    request: program.Request,
    folder: RunFolder,
    trained: TrainedLearner,
    images: Evaluation,
) -> None:
    """Write config.json, scores.json, the figure and the report of one seed."""
    config, started = request.config, time.monotonic()
    about = {f"model.{key}": value for key, value in flatten(trained.config).items()}
    about |= {"set_size": trained.set_size, "images": images.digest}
    identity = run_identity(request, **about)
    folder.write_json(CONFIG_FILE, identity)
    of = context_uses.material(
        trained,
        of_classes(images.evaluated, config.digits or None),
        TEST_SEED,
        sets_per_value=config.sets_per_value,
        set_size=items_needed(config, trained.set_size),
    )
    oracle = factor_oracle(
        request.oracle_dir or folder.path.parent / "oracles",
        DigitFactors(trained.names),
        images.train,
        config.oracle,
        digits_binarisation(trained),
    )
    scores, curves, bounds = score(config, of, evaluation_key(request.seed), oracle)
    publish(
        folder.path,
        Run(
            experiment=name,
            preset=request.preset,
            command=request.command,
            revision=request.revision,
            seed=request.seed,
            seconds=time.monotonic() - started,
            oracle={
                "digest": oracle_file.digest(oracle),
                "accuracy": accuracy(oracle, of.others[0].x, of.others[0].factors),
            },
            data=images.about(trained.model.event_shape[0])
            | {"binarisation": trained.binarisation},
            scores=scores,
            details={"bounds_per_item": bounds, "weights": digest_of(request.weights)},
        ),
        title=f"Contexts in use: {', '.join(trained.names)} of {images.name}",
        intro="A trained context-aware learner, asked about real sets of every value of each "
        "factor: nothing is trained here.",
        notes=[
            f"Classes, retrieval and prediction: {config.sets_per_value} sets of each value, of "
            f"{images.evaluated_on}. log p(x_new | D) is bounded by {config.contexts} contexts "
            f"from q(c | D) by {config.latents} samples of an item's other variables. The "
            f"amortisation gap: {config.refining_steps} steps on the posteriors of "
            f"{config.refined_sets} sets."
        ],
        config=identity,
        figures=[draw(folder.path, curves)],
        targets=None,
    )


def items_needed(config: ContextUsesConfig, set_size: int) -> int:
    """L, of the sets that share a factor."""
    return max(set_size, max(config.sizes) + config.new_items, max(config.shots) + 1)


def score(
    config: ContextUsesConfig, of: context_uses.Material, key: jax.Array, oracle: Oracle
) -> tuple[dict[str, Score], dict[str, dict[int, float]], dict[str, Any]]:
    """Every score, the predictive curve of each factor, and the bounds before and after."""
    key_sets, *keys = jax.random.split(key, 1 + len(of.trained.names))
    scores: dict[str, Score] = {}
    curves, bounds = {}, {}
    for k, name in enumerate(of.trained.names):
        key_curve, key_bounds = jax.random.split(keys[k])
        scores |= context_uses.classing_scores(of, k, config.shots)
        curves[name] = context_uses.predictive_curve(
            of,
            k,
            key_curve,
            config.sizes,
            sets=config.predictive_sets,
            new_items=config.new_items,
            contexts=config.contexts,
            latents=config.latents,
        )
        scores |= context_uses.predictive_scores(name, curves[name])
        found = context_uses.amortisation_bounds(
            of, k, key_bounds, sets=config.refined_sets, steps=config.refining_steps
        )
        bounds[name] = {what: float(np.mean(nats)) for what, nats in found._asdict().items()}
        gap = bounds[name]["refined"] - bounds[name]["amortised"]
        scores[f"amortisation_gap_{name}"] = Score(gap, None, NATS_PER_ITEM)
    scores |= context_uses.disentanglement_scores(
        of, key_sets, lambda x: predict(oracle, x), config.generated_sets
    )
    return scores, curves, bounds


def draw(folder: Path, curves: Mapping[str, Mapping[int, float]]) -> Figure:
    """The predictive against |D|, and without a set."""
    sizes = [size for size in next(iter(curves.values())) if size]
    path = draw_curve(
        folder / "predictive.png",
        sizes,
        {f"{name} constant": [curve[size] for size in sizes] for name, curve in curves.items()},
        xlabel="|D|, items given",
        ylabel="log p(x_new | D), nats per item",
        title="What a set tells of its next item",
        log_x=True,
        reference={f"{name}, no set": curve[0] for name, curve in curves.items()},
    )
    return path, "The bound on log p(x_new | D, a) of real sets, where the factor is constant."


def digest_of(path: Path | None) -> str:
    """SHA-256 of a file that was read before."""
    assert path is not None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _request(arguments: Sequence[str] | None) -> program.Request:
    assert __doc__
    return program.request(
        "experiments.context_uses", __doc__.splitlines()[0], PRESETS, arguments, weights=True
    )
