"""The Omniglot study: sets that share a character or a hand, one-shot runs, syntheses.

No fit sees an image of a one-shot run, of a held-back alphabet or of a held-out pair.
"""

import time
from typing import Any, NamedTuple

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.evaluation.oracle import storage
from cal_jax.evaluation.oracle.train import Oracle, accuracy
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import FRACTION, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.config import Trained
from experiments.common.figures import draw_course
from experiments.common.run import Fit, evaluation_key, fit_runs, open_runs
from experiments.omniglot import one_shot
from experiments.omniglot.config import CONTEXTS, OmniglotConfig
from experiments.omniglot.figures import draw_run, draw_synthesis
from experiments.omniglot.hands import fit_hand_judge
from experiments.omniglot.images import Images, images_of, training_items
from experiments.omniglot.models import (
    TrainedModel,
    model_of,
    moments_of_views,
    objective_of,
    sets_of,
    trained_model,
)
from experiments.omniglot.synthesis import judge_of, reader, sources_of, synthesis_scores
from experiments.results.publish import publish, run_of

INTROS = {
    True: "A context-aware learner of handwritten characters. The items of a set share a "
    "character or a hand; which of the two is known, its value is not.",
    False: "A neural statistician of sets that share a character (Edwards & Storkey 2017).",
}


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors")
    config = request.config
    images = images_of(config, request.data_dir)
    model = model_of(config)
    sets = sets_of(config, training_items(images.known, config))
    with open_runs(request, config.name) as runs:
        what = Fit(model, objective_of(config), lambda _: sets)
        trained = fit_runs(runs, what, images=images.digest)
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, model, of_seed, images)


class Answers(NamedTuple):
    """Scores of one-shot classification, and what they are made of."""

    scores: dict[str, Score]
    affinity: np.ndarray
    """[R, V, V]: that of ``one_shot_error``."""
    details: dict[str, Any]


def evaluate(
    request: program.Request, folder: RunFolder, model: Any, trained: Trained, images: Images
) -> None:
    """Score the trained model and write scores.json, the figures, the weights and the report."""
    config, started = request.config, time.monotonic()
    key_runs, key_made = jax.random.split(evaluation_key(request.seed))
    judged = trained_model(config, model, trained.variables)
    answers = classify(config, judged, images, key_runs)
    oracle = judge_of(
        config,
        images.known,
        request.oracle_dir or folder.path.parent / "oracles",
        images.digest,
    )
    read = reader(oracle, fit_hand_judge(images.known))
    sources = sources_of(images.known, images.pairs, config.source_items)
    made = judged.synthesise(key_made, sources.characters, sources.hands)
    scores = answers.scores | synthesis_scores(made, sources, images.pairs, read)
    if isinstance(model, ContextAwareLearner):
        learner = TrainedLearner(model, trained.variables, config.set_size)
        weights.save_if_small(folder.path / weights.FILE, learner)
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=config.name,
            data={
                "name": config.part,
                "image_size": config.image_size,
                "fingerprint": images.digest,
                "evaluated_on": images.evaluated_on,
                **about(images),
            },
            scores=scores,
            oracle=about_judge(oracle, images),
            details=answers.details,
        ),
        title=f"Omniglot, {config.part}",
        intro=INTROS[isinstance(model, ContextAwareLearner)],
        notes=notes_of(images),
        config=flatten(config),
        figures=[
            draw_run(folder.path, images.runs, answers.affinity),
            draw_synthesis(folder.path, sources, made, images.pairs.items),
            draw_course(folder.path, folder.read_metrics(), CONTEXTS),
        ],
        targets=None,
    )


def classify(
    config: OmniglotConfig, trained: TrainedModel, images: Images, key: jax.Array
) -> Answers:
    """One-shot errors of the model and of what it is compared with.

    ``one_shot_error`` is by the KL of contexts and log p(x_new | context) together, where the
    model has both; ``one_shot_error_contexts`` and ``one_shot_error_likelihood`` by each alone;
    ``one_shot_error_pixels`` and ``one_shot_error_hausdorff`` by distances of images.
    """
    runs = images.runs
    key_likelihood, *keys = jax.random.split(key, 3)
    classes, queries = (
        moments_of_views(
            trained,
            part.reshape(-1, *part.shape[2:]),
            config.views,
            config.item_warp,
            own,
            turned=config.turned_views,
        )
        for part, own in zip(runs, keys, strict=True)
    )
    shape = (*runs.classes.shape[:2], -1)
    affinity = one_shot.by_contexts(
        *(type(found)(*(part.reshape(shape) for part in found)) for found in (classes, queries))
    )
    errors = {"contexts": one_shot.error(affinity)}
    details: dict[str, Any] = {}
    log_likelihoods = trained.log_likelihoods(key_likelihood, runs)
    if log_likelihoods is not None:
        errors["likelihood"] = one_shot.error(log_likelihoods)
        if config.held_back:
            details["best_likelihood_weight"] = one_shot.best_weight(affinity, log_likelihoods)
        affinity = one_shot.both(affinity, log_likelihoods, config.likelihood_weight)
    errors["pixels"] = one_shot.error(one_shot.by_pixels(runs))
    if images.ink is not None:
        errors["hausdorff"] = one_shot.error(one_shot.by_hausdorff(images.ink))
    scores = {"one_shot_error": Score(one_shot.error(affinity), None, FRACTION)}
    scores |= {f"one_shot_error_{name}": Score(of, None, FRACTION) for name, of in errors.items()}
    return Answers(scores, affinity, details)


def about(images: Images) -> dict[str, int]:
    """What a record says of the images."""
    return {
        "known_images": images.known.num_items,
        "held_out_pairs": images.pairs.num_items,
        "one_shot_runs": len(images.runs.classes),
    }


def about_judge(oracle: Oracle, images: Images) -> dict[str, Any]:
    """The digest of the judge of characters, and its accuracy on the pairs' real images."""
    pairs = images.pairs
    return {
        "digest": storage.digest(oracle),
        "accuracy": accuracy(oracle, pairs.items, pairs.columns(CONTEXTS[:1])),
    }


def notes_of(images: Images) -> list[str]:
    """What must be read with the scores."""
    return [
        f"One-shot errors are of {len(images.runs.classes)} runs: {images.evaluated_on}. "
        "`pixels` and `hausdorff` are distances of images, without a fit.",
        f"Syntheses are of {images.pairs.num_items} pairs of a character and a hand that no fit "
        f"saw; the judges were trained on the {images.known.num_items} known images alone. A hand "
        "is judged from all the characters that were made in it, told which they are to be.",
    ]
