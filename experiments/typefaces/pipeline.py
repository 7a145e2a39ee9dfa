"""The typeface study: sets that share a letter or a typeface, and faces completed from a few.

Whoever draws a face never sees it: families that look alike are on one side of the split, and
every choice (the ridge of the linear model, the learner's config) is made on validation faces.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.glyphs.glyphs import Glyphs
from cal_jax.data.glyphs.splits import Split, split_families
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.inference import weights
from cal_jax.inference.mapping import Variables
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.models.group_vae import GroupVAE
from cal_jax.training.config import Trained
from experiments.common.figures import draw_course
from experiments.common.run import (
    TEST_SEED,
    Fit,
    SeedRun,
    evaluation_key,
    fit_runs,
    open_runs,
    open_within,
)
from experiments.results.publish import publish, run_of
from experiments.typefaces.baselines import RIDGES, bilinear, mean_glyph, nearest_face
from experiments.typefaces.completion import (
    Completion,
    Draw,
    chosen,
    completed,
    completion_of,
    completion_scores,
)
from experiments.typefaces.config import CONTEXTS, GIVEN, TypefacesConfig
from experiments.typefaces.faces import faces_of, fingerprint, levels, training_items
from experiments.typefaces.figures import draw_completions, draw_methods
from experiments.typefaces.group_vae import group_completion
from experiments.typefaces.judges import REAL, judged, judges_of
from experiments.typefaces.learner import learned
from experiments.typefaces.refined import PULLS
from experiments.typefaces.restyle import with_restyled
from experiments.typefaces.training import (
    group_vae_fit,
    learner_objective,
    learner_sets,
    scored_sets,
)

NAME = "typefaces"
INTRO = (
    "A context-aware learner of capital letters. The items of a set share a letter or a typeface; "
    "which of the two is known, its value is not. Then it completes typefaces of families that "
    "it never saw from a few of their letters."
)
SHOWN_GIVEN = 4
"""Letters given to the faces of the figures."""


class GroupTrained(NamedTuple):
    """A trained group VAE."""

    model: GroupVAE
    variables: Variables


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "skimage")
    config = request.config
    glyphs, data_name = faces_of(request.data_dir)
    split = Split(*(part.only(config.letters) for part in split_families(glyphs)))
    items = training_items(split.train)
    model = ContextAwareLearner(config.model, items.event_shape)
    sets = learner_sets(config, items)
    with open_runs(request, NAME, data_name) as runs:
        what = Fit(model, learner_objective(config), lambda _: sets)
        trained = fit_runs([_alone(run) for run in runs], what, faces=fingerprint(split))
        group_vaes = fit_group_vaes(runs, items, fingerprint(split))
        if is_first():
            for number, ((one, folder), of_seed) in enumerate(zip(runs, trained, strict=True)):
                others = {name: of_seeds[number] for name, of_seeds in group_vaes.items()}
                evaluate(one, folder, model, of_seed, others, split, data_name)


def fit_group_vaes(
    runs: Sequence[SeedRun], items: FactorDataset, faces: str
) -> dict[str, list[GroupTrained]]:
    """The baselines with one context of every seed, by name, each in a folder of its own.

    It is inside that of the learner.
    """
    found = {}
    for name in runs[0].request.config.one_context_models:
        with open_within(runs, name) as inside:
            own = [_of_group_vae(_alone(run)) for run in inside]
            model, what = group_vae_fit(own[0].request.config, name, items)
            trained = fit_runs(own, what, faces=faces, model=name)
            found[name] = [GroupTrained(model, one.variables) for one in trained]
    return found


def _of_group_vae(run: SeedRun) -> SeedRun:
    """With as many items in a step as the learner has."""
    config = run.request.config
    return _with(run, training=replace(config.training, batch_size=config.group_batch))


def _alone(run: SeedRun) -> SeedRun:
    """Without the statistician and the judges, which decide nothing of the others."""
    return _with(run, statistician=False, judge_steps=TypefacesConfig.judge_steps)


def _with(run: SeedRun, **fields: Any) -> SeedRun:
    config = replace(run.request.config, **fields)
    return run._replace(request=run.request._replace(config=config))


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    group_vaes: Mapping[str, GroupTrained],
    split: Split,
    data_name: str,
) -> None:
    """Score the trained model and write scores.json, the figures, the weights and the report."""
    config, started = request.config, time.monotonic()
    learner = TrainedLearner(model, trained.variables, config.set_size[1])
    train, asked = levels(split.train), few(getattr(split, config.scored), config.most_faces)
    basis = with_restyled(train, TEST_SEED) if config.restyle else train
    scored, chosen_on = levels(asked), levels(few(split.validation, config.most_faces))
    judges = judges_of(
        train,
        scored,
        config.judge,
        request.oracle_dir or folder.path.parent / "oracles",
        fingerprint(split),
    )
    scores: dict[str, Score] = {}
    methods = methods_of(learner, group_vaes, train, basis)
    for count in GIVEN:
        task = completion_of(scored, count, TEST_SEED)
        draws = draws_of(methods, completion_of(chosen_on, count, TEST_SEED))
        for name, draw in draws.items():
            drawn = completed(task, draw)
            scores |= completion_scores(name, task, drawn) | judged(name, task, drawn, judges)
        scores |= judged(REAL, task, task.faces, judges)
        if count == SHOWN_GIVEN:
            shown, by_name = task, draws
    bound = bound_of(config, model, trained.variables, asked, request.seed)
    scores["elbo_per_item"] = Score(bound, None, NATS_PER_ITEM)
    weights.save_if_small(folder.path / weights.FILE, learner)
    names = [face.name for face in asked.faces]
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=NAME,
            data=about(split, config, data_name),
            scores=scores,
            oracle=judges.about,
        ),
        title=f"Typefaces, {data_name}",
        intro=INTRO,
        notes=notes_of(split, config),
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
    bound, data = scored_sets(config, training_items(asked), TEST_SEED)
    terms = bound_per_item(
        bound, model, variables, evaluation_key(seed), *data, items=data[0].shape[1]
    )
    return float(terms.elbo)


class Method(NamedTuple):
    """A way to complete a typeface, and the strengths that it may take."""

    of_strength: Callable[[float], Draw]
    strengths: tuple[float, ...]


def methods_of(
    learner: TrainedLearner,
    group_vaes: Mapping[str, GroupTrained],
    train: np.ndarray,
    basis: np.ndarray,
) -> Mapping[str, Method]:
    """The learner and what it is compared with, by the names of their scores.

    ``encoder`` is the learner without a fit to the given letters.

    Args:
      learner: trained.
      group_vaes: trained, by name.
      train: training faces [G, L, H, W].
      basis: training faces and, where training changes them, changed ones [G', L, H, W].
    """
    of_learner = learned(learner, train)
    nearest, mean = nearest_face(basis), mean_glyph(train)
    return {
        "completion": Method(of_learner, PULLS),
        "encoder": Method(of_learner, (math.inf,)),
        **{name: Method(group_completion(*of, train), PULLS) for name, of in group_vaes.items()},
        "ridge": Method(bilinear(basis), RIDGES),
        "copy": Method(lambda _: nearest, (0.0,)),
        "mean": Method(lambda _: mean, (0.0,)),
    }


def draws_of(methods: Mapping[str, Method], validation: Completion) -> dict[str, Draw]:
    """Every method at the strength that is best on validation faces, with as many given letters."""
    return {
        name: of_strength(chosen(of_strength, strengths, validation))
        for name, (of_strength, strengths) in methods.items()
    }


def few(glyphs: Glyphs, most: int) -> Glyphs:
    """A fixed random choice of faces, at most so many."""
    rows = np.random.default_rng(TEST_SEED).permutation(len(glyphs.faces))[:most]
    return glyphs.take(np.sort(rows))


def about(split: Split, config: TypefacesConfig, data_name: str) -> dict[str, Any]:
    """What a record says of the faces."""
    return {
        "name": data_name,
        "fingerprint": fingerprint(split),
        "evaluated_on": f"{config.scored} faces",
        **{f"{name}_faces": len(part.faces) for name, part in split._asdict().items()},
    }


def notes_of(split: Split, config: TypefacesConfig) -> list[str]:
    """What must be read with the scores."""
    families = {name: len(part.families) for name, part in split._asdict().items()}
    notes = [
        f"{families['train']} families train, {families['validation']} choose, "
        f"{families['test']} test; families that look alike are on one side.",
        "`completion` fits the style to the given letters, `encoder` takes it as the encoder gives "
        "it. `copy` takes the nearest training face, `ridge` is the bilinear model, `mean` every "
        "letter's mean: these three have no seed.",
        "A network trained apart on training faces reads letters and styles; `real` is the truth "
        f"under it. Chance is {1 / len(split.train.letters):.3f} for a letter and one in the "
        "scored faces for a face.",
    ]
    if config.one_context_models:
        names = ", ".join(f"`{name}`" for name in config.one_context_models)
        notes.append(f"{names}: as wide as the learner, as many steps of as many items.")
    return notes
