"""A study of untold masks on any ``FactorDataset``: which factor the items of a set share.

A learner is trained on sets whose mask nobody tells (thesis 6.4.3, with extensions), and names
the mask of sets of items that nothing was fitted on: by its label network, and by its bound.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, require_at_least
from cal_jax.data.context_sets import ContextSets, draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.label_mix import one_constant
from cal_jax.data.set_samplers import render_sets
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.evidence import infer
from cal_jax.inference.labels import infer_labels
from cal_jax.inference.trained import TrainedLearner
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.labels import agreement_of, label_scores
from cal_jax.metrics.scores import FRACTION, NATS_PER_ITEM, Score
from cal_jax.models.context_aware.config import ContextAwareConfig
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.config import Objective, Trained, TrainingConfig
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.recipes import inferred_masks
from experiments.common.factor_study import Splits
from experiments.common.figures import draw_course
from experiments.common.run import TEST_SEED, Fit, evaluation_key, fit_runs, open_runs
from experiments.common.set_statistics import mixture_masks
from experiments.results.publish import publish, run_of

FLOOR_SETS = 2_000
"""Training sets to which the mixture of the floor is fitted."""


@dataclass(frozen=True)
class UntoldConfig:
    """Everything that decides a run but the seed and the data."""

    summary: str
    model: ContextAwareConfig = field(default_factory=ContextAwareConfig)
    """With a label network of K masks: exactly one context is constant."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    set_size: int = 10
    """Items of a set."""
    test_sets: int = 1_000
    """Sets whose mask is named."""
    contrast: float = 30.0
    """Weight of what the sets of a batch say against a set's masks."""
    temperature: float = 5.0
    """Of the masks' scores, in nats."""
    latent_weight: float = 2.0
    """Of z's KL in the first step."""
    context_weight: float = 1.0
    """Of the contexts' KLs in the first step."""
    weight_half_life: float = 1_000.0
    """Steps after which the weights' excess over 1 has halved."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, test_sets=1, contrast=0)
        count, labels = self.model.num_contexts, self.model.labels
        if labels is None or labels.num_labels != count:
            found = "none" if labels is None else str(labels.num_labels)
            raise InputError(f"model.labels: {found}; accepted: num_labels {count}, one a context")

    @property
    def support(self) -> np.ndarray:
        """[K, K]: the masks with exactly one constant context."""
        return np.asarray(one_constant(self.model.num_contexts), np.float32)

    @property
    def objective(self) -> Objective:
        """The bound of every mask, averaged under responsibilities."""
        return inferred_masks(
            self.support,
            temperature=self.temperature,
            contrast=self.contrast,
            latent_weight=self.latent_weight,
            context_weight=self.context_weight,
            half_life=self.weight_half_life,
        )


class UntoldStudy(NamedTuple):
    """What tells one study from another."""

    name: str
    """Of its module and in its records."""
    title: str
    intro: str
    presets: Mapping[str, UntoldConfig]
    """By name, the first the default."""
    splits: Callable[[program.Request], Splits]
    """The data that a command asks for."""


def main(study: UntoldStudy, doc: str, arguments: Sequence[str] | None) -> int:
    """Run a study as a program; the exit code is 0, or 2 for bad input."""
    return program.run_experiment(
        lambda: program.request(
            f"experiments.{study.name}",
            doc.splitlines()[0],
            study.presets,
            arguments,
            images=False,
            data=True,
            oracle=False,
        ),
        functools.partial(run, study),
    )


def run(study: UntoldStudy, request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    program.require_packages("matplotlib", "jinja2", "safetensors", "sklearn")
    config, splits = request.config, study.splits(request)
    model = ContextAwareLearner(config.model, splits.train.event_shape)
    sets = FactorSets(splits.train, set_size=config.set_size)
    with open_runs(request, study.name, splits.name) as runs:
        trained = fit_runs(runs, Fit(model, config.objective, lambda _: sets), data=splits.digest)
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(study, one, folder, model, of_seed, splits)


def evaluate(
    study: UntoldStudy,
    request: program.Request,
    folder: RunFolder,
    model: ContextAwareLearner,
    trained: Trained,
    splits: Splits,
) -> None:
    """Score the trained model and write scores.json, the weights, the figure and the report."""
    config, started = request.config, time.monotonic()
    names, support = config.model.names, config.support
    drawn = functools.partial(sets_of, names=names, set_size=config.set_size)
    x, masks = drawn(splits.test, config.test_sets, seed=TEST_SEED)
    course = [record["confusion"] for record in folder.read_metrics()]
    named = infer_labels(model, trained.variables, x)
    scores = dict(label_scores(named, masks, support, course, request.seed).scores)
    found = infer(
        model, trained.variables, evaluation_key(request.seed), x, support, contexts=1, latents=1
    )
    scores["accuracy_by_bound"] = _accuracy(found.elbo.argmax(axis=1), masks, support)
    seen, _ = drawn(splits.train, FLOOR_SETS, seed=request.seed)
    scores["floor_accuracy"] = _accuracy(
        mixture_masks(seen, x, len(support), request.seed), masks, support
    )
    weights.save_if_small(
        folder.path / weights.FILE, TrainedLearner(model, trained.variables, config.set_size)
    )
    best = found.elbo.max(axis=1).mean() / config.set_size
    scores["elbo_per_item"] = Score(float(best), None, NATS_PER_ITEM)
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=study.name,
            data={
                "name": splits.name,
                "fingerprint": splits.digest,
                "evaluated_on": splits.evaluated_on,
                **splits.about,
            },
            scores=scores,
        ),
        title=f"{study.title}, {splits.name}",
        intro=study.intro,
        notes=[
            f"`floor_accuracy`: a mixture of {len(support)} Gaussians on simple statistics of "
            f"{FLOOR_SETS} training sets. Chance is {1 / len(support):.2f}."
        ],
        config=flatten(config),
        figures=[draw_course(folder.path, folder.read_metrics(), names)],
        targets=None,
    )


def sets_of(
    items: FactorDataset, count: int, *, names: Sequence[str], set_size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sets x [M, N, *X] with exactly one constant context, and their masks [M, K]."""
    rng = np.random.default_rng(seed)
    sets: ContextSets = draw_context_sets(rng, items, names, num_sets=count, set_size=set_size)
    return render_sets(items, names, sets).astype(np.float32), sets.constant_mask


def _accuracy(rows: np.ndarray, masks: np.ndarray, support: np.ndarray) -> Score:
    """The share of right masks, at the best order of the contexts."""
    return Score(agreement_of(rows, masks, support).accuracy, 1.0, FRACTION)
