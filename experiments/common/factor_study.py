"""An experiment on any ``FactorDataset``: what a data set of one's own needs beside its reader.

    STUDY = FactorStudy("vowels", "Vowels", intro, PRESETS, splits)
    factor_study.main(STUDY, __doc__, arguments)

trains a context-aware learner with ``fit``, scores it on items that nothing was fitted on, and
writes scores.json, figures, report.html and weights into the run's folder.
"""

import functools
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import require_at_least
from cal_jax.data.context_sets import draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.set_samplers import render_sets
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.generation_scores import Read
from cal_jax.inference import weights
from cal_jax.inference.mapping import Variables
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.bits import bits_per_dimension
from cal_jax.metrics.scores import BITS, NATS_PER_ITEM, Score
from cal_jax.models.components.likelihoods import DiscretizedLogistic
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.objectives.context_aware import ContextAwareTerms, context_aware_elbo
from cal_jax.training.config import Trained, TrainingConfig
from cal_jax.training.factor_sets import FactorSets
from experiments.common.factor_figures import draw_study
from experiments.common.factor_scores import (
    Parts,
    Synthesis,
    divided,
    fitted_reader,
    informativeness_scores,
    synthesis_scores,
    synthesise,
)
from experiments.common.figures import Figure, draw_course
from experiments.common.report_inputs import ReportInputs, publish_bound
from experiments.common.run import TEST_SEED, Fit, evaluation_key, fit_runs, open_runs


@dataclass(frozen=True)
class FactorStudyConfig:
    """Everything that decides a run but the seed and the data."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    """Its contexts are factors of the data set."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    set_size: int = 10
    """Items of a set, in training and evaluation."""
    test_sets: int = 200
    """Sets whose bound is taken, and syntheses."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=1, test_sets=1)


class Splits(NamedTuple):
    """What a command line's data are."""

    train: FactorDataset
    test: FactorDataset
    name: str
    """Of the data, in the run's folder and record."""
    evaluated_on: str
    """Such as "test images"."""
    about: Mapping[str, Any] = {}
    """What else a record says of the data."""
    of_files: str | None = None
    """A digest of the files that the data are read from, in the place of ``digest``'s own."""

    @property
    def record(self) -> dict[str, Any]:
        """What a record says of the data."""
        return {
            "name": self.name,
            "fingerprint": self.digest,
            "evaluated_on": self.evaluated_on,
            **self.about,
        }

    @property
    def digest(self) -> str:
        """``of_files``, or SHA-256 (hex) of the items and the tables of both."""
        if self.of_files is not None:
            return self.of_files
        total = hashlib.sha256()
        for part in (self.train, self.test):
            total.update(repr((part.names, dict(part.value_names))).encode())
            for array in (part.items, part.table):
                total.update(f"{array.dtype} {array.shape}".encode())
                total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()


class Finished(NamedTuple):
    """What a run has found, for scores and pages that a study adds of its own."""

    request: program.Request
    folder: Path
    learner: TrainedLearner
    parts: Parts
    found: Synthesis
    read: Read
    """Of all factors, fitted on training items."""
    elbo: float
    """Nats per item."""


class Additions(NamedTuple):
    """What a study adds to the report of a run."""

    scores: Mapping[str, Score] = {}
    notes: Sequence[str] = ()
    """What must be read with the scores."""
    figures: Sequence[Figure] = ()


def nothing_more(finished: Finished) -> Additions:
    """No additions."""
    del finished
    return Additions()


class FactorStudy(NamedTuple):
    """What tells one study from another."""

    name: str
    """Of its module and in its records."""
    title: str
    intro: str
    """Of the report."""
    presets: Mapping[str, Any]
    """``FactorStudyConfig`` by name, the first the default."""
    splits: Callable[[program.Request], Splits]
    """The data that a command asks for, by its config and ``--data-dir``."""
    reads: Literal["images", "directory"] = "images"
    """What ``--data-dir`` is: images of digits, with all flags that choose them; or the
    directory of another data set."""
    add: Callable[[Finished], Additions] = nothing_more
    """Scores and pages of the study's own; it writes into the folder."""


def main(study: FactorStudy, doc: str, arguments: Sequence[str] | None) -> int:
    """Run a study as a program; the exit code is 0, or 2 for bad input.

    Args:
      study: which.
      doc: of its module; its first line describes it to ``--help``.
      arguments: without the program; None reads the command line.
    """
    images = study.reads == "images"
    return program.run_experiment(
        lambda: program.request(
            f"experiments.{study.name}",
            doc.splitlines()[0],
            study.presets,
            arguments,
            images=images,
            data=not images,
            oracle=False,
        ),
        functools.partial(run, study),
    )


def run(study: FactorStudy, request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    config, splits = request.config, study.splits(request)
    parts = divided(splits.train, splits.test, config.model.names)
    model = ContextAwareLearner(config.model, splits.train.event_shape)
    sets = FactorSets(splits.train, set_size=config.set_size)
    with open_runs(request, study.name, splits.name) as runs:
        trained = fit_runs(runs, Fit(model, None, lambda _: sets), data=splits.digest)
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(study, one, folder, model, of_seed, splits, parts)


def evaluate(
    study: FactorStudy,
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    splits: Splits,
    parts: Parts,
) -> None:
    """Score the trained model and write scores.json, the figures, the weights and the report."""
    config, started = request.config, time.monotonic()
    names = config.model.names
    key_bound, key_synthesis = jax.random.split(evaluation_key(request.seed))
    learner = TrainedLearner(model, trained.variables, config.set_size)
    sets = draw_context_sets(
        np.random.default_rng(TEST_SEED),
        parts.scored,
        names,
        num_sets=config.test_sets,
        set_size=config.set_size,
    )
    x = render_sets(parts.scored, names, sets).astype(np.float32)

    def bound(variables: Variables, **options: Any) -> ContextAwareTerms:
        return bound_per_item(
            context_aware_elbo,
            model,
            variables,
            key_bound,
            x,
            sets.constant_mask,
            items=config.set_size,
            **options,
        )

    terms = bound(trained.variables)
    untrained = bound(trained.initial_variables, batch_statistics=True)
    found = synthesise(
        learner, parts.scored, key_synthesis, num_sets=config.test_sets, seed=TEST_SEED
    )
    read = fitted_reader(parts, names)
    scores = synthesis_scores(names, found, parts.scored, read)
    scores |= informativeness_scores(learner, parts)
    elbo = float(terms.elbo)
    scores["elbo_per_item"] = Score(elbo, None, NATS_PER_ITEM)
    if isinstance(config.model.likelihood, DiscretizedLogistic):
        bits = float(bits_per_dimension(elbo, model.event_shape))
        scores["bits_per_dimension"] = Score(bits, None, BITS)
    more = study.add(Finished(request, folder.path, learner, parts, found, read, elbo))
    scores |= more.scores
    weights.save_if_small(folder.path / weights.FILE, learner)
    report = ReportInputs(
        study.name,
        f"{study.title}, {splits.name}",
        study.intro,
        scores,
        terms,
        float(untrained.elbo),
        figures=[
            *more.figures,
            *draw_study(folder.path, learner, parts.scored, found),
            draw_course(folder.path, folder.read_metrics(), names),
        ],
    )
    notes = [*_notes(splits, parts, elbo, float(untrained.elbo)), *more.notes]
    publish_bound(report, request, folder, trained, data=splits.record, notes=notes, since=started)


def _notes(splits: Splits, parts: Parts, elbo: float, untrained: float) -> list[str]:
    """What must be read with the scores."""
    notes = [
        f"The bound is {elbo:.2f} nats per item on sets of {parts.scored.num_items} "
        f"{splits.evaluated_on}; an untrained model's is {untrained:.2f}."
    ]
    if parts.told is not None:
        notes.append(
            f"Training lacks values that {splits.evaluated_on} have: the factors of "
            f"{parts.told.num_items} others of these were told to the readers and neighbours."
        )
    return notes
