"""The typeface study: sets that share a letter or a typeface, and faces completed from a few.

Whoever draws a face never sees it: families that look alike are on one side of the split, and
every choice (the ridge of the linear model, the learner's config) is made on validation faces.
"""

import time
from collections.abc import Mapping

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.splits import Split, split_families
from cal_jax.data.set_samplers import render_sets
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.inference import weights
from cal_jax.inference.mapping import Variables
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.training.config import Objective, Trained
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import known_masks
from experiments.common.figures import draw_course
from experiments.common.run import TEST_SEED, Fit, evaluation_key, fit_runs, open_runs
from experiments.results.publish import Run, publish
from experiments.typefaces.baselines import bilinear, chosen_strength, mean_glyph, nearest_face
from experiments.typefaces.completion import Draw, completion_of, completion_scores
from experiments.typefaces.config import CONTEXTS, GIVEN, TypefacesConfig
from experiments.typefaces.faces import faces_of, fingerprint, levels, training_items
from experiments.typefaces.figures import draw_completions, draw_methods
from experiments.typefaces.learner import learned

NAME = "typefaces"
INTRO = (
    "A context-aware learner of capital letters. The items of a set share a letter or a typeface; "
    "which of the two is known, its value is not. Then it completes typefaces of families that "
    "it never saw from a few of their letters."
)
SHOWN_GIVEN = 4
"""Letters given to the faces of the figures."""

BOUND_SETS = 500
"""Of which the bound is taken."""


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "skimage")
    config = request.config
    glyphs, data_name = faces_of(request.data_dir)
    split = Split(*(part.only(config.letters) for part in split_families(glyphs)))
    items = training_items(split.train)
    model = ContextAwareLearner(config.model, items.event_shape)
    sets = FactorSets(items, set_size=_fixed(config.set_size))
    with open_runs(request, NAME, data_name) as runs:
        what = Fit(model, objective_of(config), lambda _: sets)
        trained = fit_runs(runs, what, faces=fingerprint(split))
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(one, folder, model, of_seed, split, data_name)


def objective_of(config: TypefacesConfig) -> Objective:
    """The bound with the contrast of the batch's sets and the annealed weight of z."""
    return known_masks(
        contrast=config.contrast,
        dependence=config.dependence,
        latent_weight=config.latent_weight,
        half_life=config.weight_half_life,
    )


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    split: Split,
    data_name: str,
) -> None:
    """Score the trained model and write scores.json, the figures, the weights and the report."""
    config, started = request.config, time.monotonic()
    learner = TrainedLearner(model, trained.variables, config.set_size[1])
    train, asked = levels(split.train), few(getattr(split, config.scored), config.most_faces)
    scores: dict[str, Score] = {}
    for count in GIVEN:
        task = completion_of(levels(asked), count, TEST_SEED)
        methods = methods_of(learner, train, few(split.validation, config.most_faces), count)
        for name, draw in methods.items():
            scores |= completion_scores(name, task, draw)
        if count == SHOWN_GIVEN:
            shown, by_name = task, methods
    bound = bound_of(config, model, trained.variables, asked, request.seed)
    scores["elbo_per_item"] = Score(bound, None, NATS_PER_ITEM)
    weights.save_if_small(folder.path / weights.FILE, learner)
    names = [face.name for face in asked.faces]
    publish(
        folder.path,
        Run(
            experiment=NAME,
            preset=request.preset,
            command=request.command,
            revision=trained.revision,
            seed=request.seed,
            seconds=trained.seconds + time.monotonic() - started,
            data={
                "name": data_name,
                "fingerprint": fingerprint(split),
                "evaluated_on": f"{config.scored} faces",
                **about(split),
            },
            scores=scores,
        ),
        title=f"Typefaces, {data_name}",
        intro=INTRO,
        notes=notes_of(split),
        config=flatten(config),
        figures=[
            draw_completions(folder.path, names, shown, by_name["completion"]),
            draw_methods(folder.path, shown, by_name),
            draw_course(folder.path, folder.read_metrics(), CONTEXTS),
        ],
        targets=None,
    )


def bound_of(
    config: TypefacesConfig,
    model: ContextAwareLearner,
    variables: Variables,
    asked: Glyphs,
    seed: int,
) -> float:
    """The bound of sets of faces that nothing was fitted on, in nats per item."""
    items, size = training_items(asked), min(config.set_size[1], len(asked.faces))
    rng = np.random.default_rng(TEST_SEED)
    sets = draw_context_sets(rng, items, CONTEXTS, num_sets=BOUND_SETS, set_size=size)
    x = render_sets(items, CONTEXTS, sets)
    key, masks = evaluation_key(seed), sets.constant_mask
    terms = bound_per_item(context_aware_elbo, model, variables, key, x, masks, items=size)
    return float(terms.elbo)


def methods_of(
    learner: TrainedLearner, train: np.ndarray, validation: Glyphs, count: int
) -> Mapping[str, Draw]:
    """The learner and what it is compared with, by the names of their scores.

    Args:
      learner: trained.
      train: training faces [G, L, H, W].
      validation: faces on which the ridge is chosen.
      count: letters that are given.
    """
    chosen = chosen_strength(train, completion_of(levels(validation), count, TEST_SEED))
    return {
        "completion": learned(learner, train),
        "ridge": bilinear(train, chosen),
        "copy": nearest_face(train),
        "mean": mean_glyph(train),
    }


def few(glyphs: Glyphs, most: int) -> Glyphs:
    """A fixed random choice of faces, at most so many."""
    rows = np.random.default_rng(TEST_SEED).permutation(len(glyphs.faces))[:most]
    return glyphs.take(np.sort(rows))


def about(split: Split) -> dict[str, int]:
    """What a record says of the faces."""
    return {f"{name}_faces": len(part.faces) for name, part in split._asdict().items()}


def notes_of(split: Split) -> list[str]:
    """What must be read with the scores."""
    families = {name: len(part.families) for name, part in split._asdict().items()}
    return [
        f"{families['train']} families train, {families['validation']} choose, "
        f"{families['test']} test; families that look alike are on one side.",
        "`copy` takes the nearest training face, `ridge` is the bilinear model, `mean` every "
        "letter's mean: none of them has a seed.",
    ]


def _fixed(size: tuple[int, int]) -> int | tuple[int, int]:
    return size[0] if size[0] == size[1] else size
