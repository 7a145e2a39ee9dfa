"""The study of sprites: a character of six sources, and an action that survives swaps."""

import functools
import time
from typing import Any

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import render_sets
from cal_jax.data.sprite_frames import CHARACTER, FACTORS
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.bits import bits_per_dimension
from cal_jax.metrics.scores import BITS, NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.training.config import Objective, Trained
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import known_masks
from experiments.common.figures import draw_course
from experiments.common.run import TEST_SEED, Fit, evaluation_key, fit_runs, open_runs
from experiments.results.publish import plain, publish, run_of
from experiments.sprites.baselines import mean_and_nearest
from experiments.sprites.characters import Characters, characters_of
from experiments.sprites.config import LEAST_FRAMES, SpritesConfig
from experiments.sprites.figures import ART, draw_six_sources
from experiments.sprites.oracle import Oracle, digest, read, train_oracle
from experiments.sprites.scores import (
    KEPT,
    baseline_scores,
    ceilings,
    swap_scores,
    synthesis_scores,
    synthesise,
)
from experiments.sprites.sources import six_sources, swaps_of

NAME = "sprites"
DATA = "sprites"
INTRO = (
    "A context-aware learner of RGB frames under a discretised logistic likelihood. The frames of "
    "a set share one of skin, trousers, top, hair, action and direction; which is known, its "
    "value is not. Characters that are scored were not seen in training. " + ART + "."
)


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "PIL")
    config: SpritesConfig = request.config
    parts, sheets = characters_of(request)
    model = ContextAwareLearner(config.model, parts.train.event_shape)
    sets = FactorSets(parts.train, set_size=config.set_size, mix=config.mix)
    with open_runs(request, NAME, DATA) as runs:
        what = Fit(model, objective_of(config), lambda _: sets)
        trained = fit_runs(runs, what, sheets=sheets)
        if is_first():
            oracle = train_oracle(parts.train, FACTORS, config.oracle)
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, model, of_seed, parts, oracle, sheets)


def objective_of(config: SpritesConfig) -> Objective:
    """The bound with the contrast of the batch's sets and the annealed weight of z."""
    return known_masks(
        contrast=config.contrast,
        dependence=config.dependence,
        spread=config.spread,
        latent_weight=config.latent_weight,
        half_life=config.weight_half_life,
    )


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    parts: Characters,
    oracle: Oracle,
    sheets: str,
) -> None:
    """Score the trained model and write scores.json, the figures, the weights and the report."""
    config, started = request.config, time.monotonic()
    key_bound, key_synthesis, key_swaps = jax.random.split(evaluation_key(request.seed), 3)
    learner = TrainedLearner(model, trained.variables, config.set_size)
    frames, readings = parts.scored, functools.partial(read, oracle)
    real = ceilings(few(frames, config.most_frames), readings)
    rng = np.random.default_rng(TEST_SEED)
    asked = six_sources(frames, config.test_sets, config.set_size, rng)
    found = synthesise(learner, frames, asked, key_synthesis)
    scores = synthesis_scores(found, readings, real)
    swaps = swaps_of(frames, KEPT, config.test_sets, LEAST_FRAMES, rng)
    after = synthesise(learner, frames, swaps.asked, key_swaps)
    scores |= swap_scores(after, swaps.swapped, readings, real)
    searched = few(parts.train, config.most_frames)
    scores |= baseline_scores(found, readings, *mean_and_nearest(searched, found.sources))
    terms = bound_of(config, model, trained.variables, parts, key_bound)
    elbo = float(terms.elbo)
    scores["elbo_per_item"] = Score(elbo, None, NATS_PER_ITEM)
    bits = float(bits_per_dimension(elbo, model.event_shape))
    scores["bits_per_dimension"] = Score(bits, None, BITS)
    weights.save_if_small(folder.path / weights.FILE, learner)
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
            oracle={"digest": digest(oracle), "accuracy": float(real.all(axis=1).mean())},
            details={"bound_per_item": plain(terms)},
        ),
        title="Sprites",
        intro=INTRO,
        notes=notes_of(parts, config),
        config=flatten(config),
        figures=[
            draw_six_sources(folder.path, found),
            draw_course(folder.path, folder.read_metrics(), FACTORS),
        ],
        targets=None,
    )


def bound_of(
    config: SpritesConfig,
    model: ContextAwareLearner,
    variables: Any,
    parts: Characters,
    key: jax.Array,
) -> ContextAwareTerms:
    """The terms of the bound of sets of scored frames, in nats per item."""
    rng = np.random.default_rng(TEST_SEED)
    sets = draw_context_sets(
        rng, parts.scored, FACTORS, num_sets=config.test_sets, set_size=config.set_size
    )
    x, masks = render_sets(parts.scored, FACTORS, sets), sets.constant_mask
    return bound_per_item(
        context_aware_elbo, model, variables, key, x, masks, items=config.set_size, samples=1
    )


def few(frames: FactorDataset, most: int) -> FactorDataset:
    """A fixed random choice of frames, at most so many."""
    rows = np.random.default_rng(TEST_SEED).permutation(frames.num_items)[:most]
    return frames.take(rows)


def about(parts: Characters) -> dict[str, int]:
    """What a record says of the characters."""
    return {
        f"{name}_characters": len(np.unique(part.columns(CHARACTER), axis=0))
        for name, part in parts._asdict().items()
    }


def notes_of(parts: Characters, config: SpritesConfig) -> list[str]:
    """What must be read with the scores."""
    counts = about(parts)
    return [
        f"{counts['train_characters']} characters train, {counts['scored_characters']} others "
        f"({config.scored}) are scored: combinations of skin, trousers, top and hair.",
        "Frame 0 of every action, the same standing character in all three, is left out.",
        "`additive` adds up the means of the sources, `nearest` is the training frame nearest to "
        "that, `copied` a frame of the best source.",
    ]
