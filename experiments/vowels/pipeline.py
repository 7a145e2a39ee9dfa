"""The vowel study: learners of made-up speakers, adapted to real ones without labels.

Only training speakers reach a fit: their moments draw the speakers of the learners, their
contexts are the prior and the starts of the adaptation. Of a test speaker, items alone are read.
"""

import functools
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import render_sets
from cal_jax.data.vowels import WORDS, read_vowels
from cal_jax.errors import InputError
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, Score
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.training.config import Trained
from cal_jax.training.factor_sets import FactorSets
from experiments.common.factor_study import Splits
from experiments.common.figures import draw_course
from experiments.common.run import (
    TEST_SEED,
    Fit,
    evaluation_key,
    fit_runs,
    open_runs,
    open_within,
)
from experiments.results.publish import Run, publish
from experiments.vowels.adaptation import (
    adapt,
    speaker_prior,
    starts_of,
    utterance_contexts,
    vowel_probabilities,
)
from experiments.vowels.baselines import BASELINES
from experiments.vowels.config import CONTEXTS, MIX, VowelsConfig
from experiments.vowels.figures import draw_accuracies, draw_confusion
from experiments.vowels.speakers import (
    Labelled,
    Moments,
    Scaling,
    cells_of,
    drawn_speakers,
    moments_of,
    scaling_of,
)

NAME = "vowels"
INTRO = (
    "A context-aware learner of ten log-area parameters of a vowel, with the contexts speaker and "
    "vowel. It adapts to speakers that it never heard from their items without labels, and names "
    "the vowel of each."
)
BOUND_SETS = 500
"""Of which the bound is taken."""


class Learning(NamedTuple):
    """All that training speakers give to a learner."""

    scaling: Scaling
    scaled: Labelled
    """The training items after scaling."""
    moments: Moments
    """Of these."""


def run(request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn", "scipy")
    config, splits = request.config, splits_of(request)
    learning = learning_of(labelled(splits.train))
    model = ContextAwareLearner(config.model, splits.train.event_shape)
    with open_runs(request, NAME, splits.name) as runs:
        learners = []
        for index in range(config.learners):
            sets = functools.partial(training_sets, config, learning.moments, index)
            what = Fit(model, context_aware_elbo, sets)
            with open_within(runs, f"learner{index}") if index else nullcontext(runs) as folders:
                learners.append(fit_runs(folders, what, data=splits.digest, learner=index))
        if is_first():
            for (one, folder), of_seed in zip(runs, zip(*learners, strict=True), strict=True):
                evaluate(one, folder, model, of_seed, splits, learning)


def splits_of(request: program.Request) -> Splits:
    """The published split, or one of the training speakers.

    Raises:
      InputError: no directory, or what ``read_vowels`` and a split refuse.
    """
    if request.data_dir is None:
        raise InputError("--data-dir: none; accepted: the directory with vowel-context.data")
    train, test = read_vowels(request.data_dir)
    if not request.config.validation:
        return Splits(train, test, NAME, "test speakers")
    train, held_back = train.split_by_value("speaker", request.config.validation)
    return Splits(train, held_back, NAME, "held-back training speakers")


def labelled(dataset: FactorDataset) -> Labelled:
    """Items with their speakers and vowels as numbers."""
    speaker, vowel = dataset.columns(CONTEXTS).T
    return Labelled(dataset.items.astype(np.float64), speaker, vowel)


def learning_of(train: Labelled) -> Learning:
    """The scaling and the moments of training speakers."""
    scaling = scaling_of(*train)
    scaled = train._replace(x=scaling(train.x).astype(np.float64))
    return Learning(scaling, scaled, moments_of(*scaled))


def training_sets(config: VowelsConfig, moments: Moments, index: int, seed: int) -> FactorSets:
    """Sets of made-up speakers that one learner alone is trained on.

    Args:
      config: of the run.
      moments: of the training speakers.
      index: of the learner.
      seed: of the run.
    """
    rng = np.random.default_rng((seed, index))
    items = drawn_speakers(rng, moments, speakers=config.made_up_speakers, items=config.set_size)
    return FactorSets(items, set_size=config.set_size, mix=MIX)


def evaluate(
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Sequence[Trained],
    splits: Splits,
    learning: Learning,
) -> None:
    """Score the adapted learners and write scores.json, the figures, weights and the report."""
    config, started = request.config, time.monotonic()
    learners = [TrainedLearner(model, one.variables, config.set_size) for one in trained]
    names, key = speakers_of(splits.test)[0], evaluation_key(request.seed)
    found, truth = named_vowels(config, learners, learning, splits, key)
    seconds = sum(one.seconds for one in trained) + time.monotonic() - started
    hits = {name: predicted == truth for name, predicted in found.items()}
    scores = {
        f"{name}_accuracy": Score(float(hit.mean()), None, FRACTION) for name, hit in hits.items()
    }
    scores["chance"] = Score(1 / len(WORDS), None, FRACTION)
    bound = bound_of(config, learners[0], learning, splits.test, key)
    scores["elbo_per_item"] = Score(bound, None, NATS_PER_ITEM)
    weights.save_if_small(folder.path / weights.FILE, learners[0])
    by_speaker = {name: hit.mean(axis=1) for name, hit in hits.items()}
    publish(
        folder.path,
        Run(
            experiment=NAME,
            preset=request.preset,
            command=request.command,
            revision=trained[0].revision,
            seed=request.seed,
            seconds=seconds,
            data={
                "name": splits.name,
                "fingerprint": splits.digest,
                "evaluated_on": splits.evaluated_on,
            },
            scores=scores,
            details={
                "accuracy_by_speaker": {
                    name: dict(zip(names, map(float, each), strict=True))
                    for name, each in by_speaker.items()
                }
            },
        ),
        title=f"Vowels, {splits.name}",
        intro=INTRO,
        notes=[
            f"Speakers {', '.join(names)} are scored ({splits.evaluated_on}).",
        ],
        config=flatten(config),
        figures=[
            draw_accuracies(folder.path, names, by_speaker),
            draw_confusion(folder.path, found["vowel"], truth),
            draw_course(folder.path, folder.read_metrics(), CONTEXTS),
        ],
        targets=None,
    )


def speakers_of(dataset: FactorDataset) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of M speakers, their items float32 [M, N, D] and the items' vowels int [M, N].

    Raises:
      InputError: speakers with different numbers of items.
    """
    speaker, vowel = dataset.columns(CONTEXTS).T
    values = np.unique(speaker)
    rows = [np.flatnonzero(speaker == value) for value in values]
    if len({len(of_speaker) for of_speaker in rows}) > 1:
        raise InputError("scored speakers have different numbers of items; accepted: one number")
    names = [str(dataset.value_names["speaker"][value]) for value in values]
    return names, dataset.items[np.stack(rows)], vowel[np.stack(rows)]


def named_vowels(
    config: VowelsConfig,
    learners: Sequence[TrainedLearner],
    learning: Learning,
    splits: Splits,
    key: jax.Array,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The vowels of the scored speakers by every method, and the true ones: int [M, N].

    Args:
      config: of the run.
      learners: see ``adapted_vowels``.
      learning: of the training speakers.
      splits: of the scored speakers no method sees more than items.
      key: of the adaptation's noise.
    """
    _, items, truth = speakers_of(splits.test)
    train = labelled(splits.train)
    found = {"vowel": adapted_vowels(config, learners, learning, items, key)}
    for name, classify in BASELINES.items():
        found[name] = np.stack([classify(train, x.astype(np.float64)) for x in items])
    return found, truth


def adapted_vowels(
    config: VowelsConfig,
    learners: Sequence[TrainedLearner],
    learning: Learning,
    x: np.ndarray,
    key: jax.Array,
) -> np.ndarray:
    """The vowels of M speakers' unlabelled items by the learners, int [M, N].

    Args:
      config: of the run.
      learners: their probabilities are averaged.
      learning: what training speakers gave to them.
      x: [M, N, D], before scaling.
      key: of the adaptation's noise.
    """
    rng = np.random.default_rng(TEST_SEED)
    pairs = np.stack([learning.scaled.speaker, learning.scaled.vowel])
    count = int(np.unique(pairs, axis=1, return_counts=True)[1].min())
    drawn = drawn_speakers(rng, learning.moments, speakers=2 * config.made_up_speakers, items=count)
    made_up, real = cells_of(labelled(drawn), count), cells_of(learning.scaled, count)
    probabilities = []
    for index, learner in enumerate(learners):
        prior = speaker_prior(utterance_contexts(learner, made_up), learning.moments.directions)
        found = adapt(
            learner,
            prior,
            learning.scaling(x),
            starts_of(prior, utterance_contexts(learner, real)),
            jax.random.fold_in(key, index),
            steps=config.adaptation_steps,
        )
        probabilities.append(vowel_probabilities(found, config.temperature))
    return np.asarray(np.mean(probabilities, axis=0).argmax(axis=-1))


def bound_of(
    config: VowelsConfig,
    learner: TrainedLearner,
    learning: Learning,
    test: FactorDataset,
    key: jax.Array,
) -> float:
    """The bound of sets of the scored speakers that share one factor, in nats per scaled item."""
    rng = np.random.default_rng(TEST_SEED)
    sets = draw_context_sets(rng, test, CONTEXTS, num_sets=BOUND_SETS, set_size=config.set_size)
    x = learning.scaling(render_sets(test, CONTEXTS, sets))
    terms = bound_per_item(
        context_aware_elbo,
        learner.model,
        learner.variables,
        key,
        x,
        sets.constant_mask,
        items=config.set_size,
    )
    return float(terms.elbo)
