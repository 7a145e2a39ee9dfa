"""The study of sprites whose masks are inferred: training, scores and report."""

import time
from typing import NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.context_sets import accidentally_constant, draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import render_sets
from cal_jax.data.sprite_frames import FACTORS
from cal_jax.inference import weights
from cal_jax.inference.labels import infer_labels
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.labels import agreement_of, label_scores
from cal_jax.metrics.scores import FRACTION, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.label_contrast import even_dependence
from cal_jax.training.config import Objective, Trained
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import masks_by_contrast
from experiments.common.figures import draw_course
from experiments.common.run import TEST_SEED, Fit, fit_runs, open_runs
from experiments.results.publish import publish, run_of
from experiments.sprites.characters import Characters, characters_of
from experiments.sprites.figures import ART
from experiments.sprites.pipeline import DATA, about
from experiments.sprites_untold.clusters import cluster_accuracy, told_accuracy, variances
from experiments.sprites_untold.compared import compared_masks
from experiments.sprites_untold.config import SpritesUntoldConfig

NAME = "sprites_untold"
INTRO = (
    "A context-aware learner of frames whose masks are inferred: which of skin, trousers, top, "
    f"hair, action and direction the frames of a set share is not told. {ART}."
)


class Sets(NamedTuple):
    """Sets of frames with their true masks."""

    x: np.ndarray
    """uint8 [M, N, H, W, 3]"""
    masks: np.ndarray
    """float32 [M, 6]"""
    ambiguous: np.ndarray
    """bool [M]: a factor that varies has one value by chance."""


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn", "PIL")
    config: SpritesUntoldConfig = request.config
    parts, sheets = characters_of(request)
    model = ContextAwareLearner(config.model, parts.train.event_shape)
    sets = FactorSets(parts.train, set_size=config.set_size, mix=config.mix)
    with open_runs(request, NAME, DATA) as runs:
        what = Fit(model, objective_of(config), lambda _: sets)
        trained = fit_runs(runs, what, sheets=sheets)
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, model, of_seed, parts, sheets)


def objective_of(config: SpritesUntoldConfig) -> Objective:
    """Masks by the contrast between sets, the bound at a drawn one."""
    return masks_by_contrast(
        config.support,
        temperature=config.temperature,
        balance_decay=config.balance_decay,
        spread=config.spread,
        contrast=config.contrast,
        latent_weight=config.latent_weight,
        half_life=config.weight_half_life,
    )


def sets_of(frames: FactorDataset, config: SpritesUntoldConfig, num_sets: int) -> Sets:
    """Sets of all masks, the same for every seed."""
    rng = np.random.default_rng(TEST_SEED)
    sets = draw_context_sets(
        rng, frames, FACTORS, num_sets=num_sets, set_size=config.set_size, mix=config.mix
    )
    x = render_sets(frames, FACTORS, sets)
    return Sets(x, sets.constant_mask, accidentally_constant(sets))


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    parts: Characters,
    sheets: str,
) -> None:
    """Score the trained model and write scores.json, the weights, the figures and the report."""
    config, started = request.config, time.monotonic()
    scored = sets_of(parts.scored, config, config.test_sets)
    records = folder.read_metrics()
    found = label_scores(
        infer_labels(model, trained.variables, scored.x),
        scored.masks,
        config.support,
        [record["confusion"] for record in records],
        request.seed,
    )
    against = compared_masks(
        model,
        trained.variables,
        scored.x,
        config.support,
        dependence=even_dependence(config.support),
        spread=config.spread,
    )
    compared = agreement_of(against.argmin(axis=1), scored.masks, config.support).accuracy
    scores = found.scores | baseline_scores(parts.train, scored, config)
    scores["compared"] = Score(compared, None, FRACTION)
    weights.save_if_small(
        folder.path / weights.FILE, TrainedLearner(model, trained.variables, config.set_size)
    )
    clear = 1.0 - float(scored.ambiguous.mean())
    for name in ("accuracy", "compared"):
        scores[name] = scores[name]._replace(ceiling=clear)
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=NAME,
            data={
                "name": DATA,
                "fingerprint": sheets,
                "evaluated_on": f"{config.scored} characters",
                **about(parts),
            },
            scores=scores,
            details={"order": list(found.order)},
        ),
        title="Sprites, masks inferred",
        intro=INTRO,
        notes=[
            "`accuracy`: of the most probable mask, at the best order of the contexts. Its ceiling "
            "is the share of sets in which no varying factor has one value by chance.",
            "`compared`: the same of the mask that disagrees least with what 100 scored sets "
            "say of each other, without the label network.",
            "`clusters`: a mixture of Gaussians of variances of a set's pixels, matched to the "
            "masks; `told`: a classifier of the same that was told the masks of training sets.",
        ],
        config=flatten(config),
        figures=[draw_course(folder.path, records, FACTORS)],
        targets=None,
    )


def baseline_scores(
    train: FactorDataset, scored: Sets, config: SpritesUntoldConfig
) -> dict[str, Score]:
    """``clusters`` without labels, ``told`` with those of training sets, and a guess.

    Args:
      train: frames of training.
      scored: sets of other characters.
      config: the run's.
    """
    seen = sets_of(train, config, config.cluster_sets)
    near, far, support = variances(seen.x), variances(scored.x), config.support
    values = {
        "clusters": cluster_accuracy(near, far, scored.masks, support, seed=0),
        "told": told_accuracy(near, seen.masks, far, scored.masks, support),
        "guess": 1.0 / len(support),
    }
    return {name: Score(value, None, FRACTION) for name, value in values.items()}
