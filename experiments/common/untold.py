"""A study of untold masks on any ``FactorDataset``: which factors the items of a set share.

A learner is trained on sets whose mask nobody tells (thesis 6.4.3, with extensions). Its label
network names the mask of sets of items that nothing was fitted on, and so does a study's own
measure: by default the bound.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten, omit_default, require_at_least, require_one_of
from cal_jax.data.context_sets import accidentally_constant, draw_context_sets
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.mask_mix import Mix, one_constant
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
from cal_jax.training.recipes import balanced_masks, inferred_masks
from experiments.common.factor_study import Additions, Splits
from experiments.common.figures import draw_course
from experiments.common.mask_scores import (
    BoundOfSets,
    even_mix,
    learned_log_prior,
    mask_scores,
)
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
    responsibilities: Literal["contrast", "objective"] = omit_default("objective")
    """What scores a mask: the contrast alone, and p(a) is learned; or the weighted bound too,
    with masks balanced to be equally frequent."""
    mask_weights: tuple[float, ...] = omit_default(())
    """Of training sets that share each context, in their order; none: all alike."""

    def __post_init__(self) -> None:
        require_at_least(self, set_size=2, test_sets=1, contrast=0)
        require_one_of(self, responsibilities=Literal["contrast", "objective"])
        count, labels = self.model.num_contexts, self.model.labels
        if labels is None or labels.num_labels != count:
            found = "none" if labels is None else str(labels.num_labels)
            raise InputError(f"model.labels: {found}; accepted: num_labels {count}, one a context")
        if len(self.mask_weights) not in (0, count):
            raise InputError(
                f"mask_weights: {self.mask_weights}; accepted: {count} weights or none"
            )

    @property
    def support(self) -> np.ndarray:
        """[K, K]: the masks with exactly one constant context."""
        return np.asarray(one_constant(self.model.num_contexts), np.float32)

    @property
    def mix(self) -> Mix | None:
        """Of training's masks, see ``draw_context_sets``; None: one constant context, evenly."""
        if not self.mask_weights:
            return None
        masks = one_constant(self.model.num_contexts)
        return list(zip(masks, self.mask_weights, strict=True))

    @property
    def objective(self) -> Objective:
        """The bound of every mask, averaged under responsibilities."""
        recipe = inferred_masks if self.responsibilities == "contrast" else balanced_masks
        return recipe(
            self.support,
            temperature=self.temperature,
            contrast=self.contrast,
            latent_weight=self.latent_weight,
            context_weight=self.context_weight,
            half_life=self.weight_half_life,
        )


class Sets(NamedTuple):
    """Sets of items with their true masks."""

    x: np.ndarray
    """[M, N, *X]"""
    masks: np.ndarray
    """float32 [M, K]"""
    ambiguous: np.ndarray
    """bool [M]: a factor that varies has one value by chance."""


class Named(NamedTuple):
    """A run whose label network has named masks, for further scores."""

    request: program.Request
    model: ContextAwareLearner
    trained: Trained
    splits: Splits
    scored: Sets
    """Of items that nothing was fitted on, every mask equally often."""
    scores: Mapping[str, Score]
    """Of the label network, see ``metrics.labels.label_scores``."""


def bound_and_floor(named: Named) -> Additions:
    """The masks by p(a | D) of the bound, its calibration, and the floor of simple statistics.

    The sets of the calibration have the shares of training, for which p(a) is meant.
    """
    request, config = named.request, named.request.config
    support, size = config.support, config.set_size
    seen = sets_of(named.splits.train, config, FLOOR_SETS, request.seed)
    floor = mixture_masks(
        seen.x.astype(np.float32), named.scored.x.astype(np.float32), len(support), request.seed
    )
    elbo = elbo_of(named, named.scored)
    mixed, elbo_of_mixed = named.scored, elbo
    if config.mix is not None:
        mixed = sets_of(named.splits.test, config, config.test_sets, TEST_SEED)
        elbo_of_mixed = elbo_of(named, mixed)
    scores = mask_scores(
        BoundOfSets(elbo, named.scored.masks),
        BoundOfSets(elbo_of_mixed, mixed.masks),
        support,
        config.mix or even_mix(support),
        learned_log_prior(named.trained.memory),
    )
    return Additions(
        {
            **scores,
            "floor_accuracy": accuracy_of(floor, named.scored.masks, support),
            "elbo_per_item": Score(float(elbo.max(axis=1).mean() / size), None, NATS_PER_ITEM),
        },
        [
            f"`floor_accuracy`: a mixture of {len(support)} Gaussians on simple statistics of "
            f"{FLOOR_SETS} training sets. Chance is {1 / len(support):.2f}."
        ],
    )


def elbo_of(named: Named, sets: Sets) -> np.ndarray:
    """The bound of every mask of sets, nats a set: [M, A]."""
    key, x = evaluation_key(named.request.seed), sets.x.astype(np.float32)
    support = named.request.config.support
    found = infer(named.model, named.trained.variables, key, x, support, contexts=1, latents=1)
    return found.elbo


class UntoldStudy(NamedTuple):
    """What tells one study from another."""

    name: str
    """Of its module and in its records."""
    title: str
    intro: str
    presets: Mapping[str, Any]
    """By name, the first the default: with the fields and properties of ``UntoldConfig`` that
    are read here, its objective and its masks among them."""
    splits: Callable[[program.Request], Splits]
    """The data that a command asks for."""
    identity: str = "data"
    """What a run's identity calls the digest of the data."""
    add: Callable[[Named], Additions] = bound_and_floor
    """Scores beside those of the label network; one of the same name replaces it."""


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
    sets = FactorSets(splits.train, set_size=config.set_size, mix=config.mix)
    with open_runs(request, study.name, splits.name) as runs:
        identity: dict[str, Any] = {study.identity: splits.digest}
        trained = fit_runs(runs, Fit(model, config.objective, lambda _: sets), **identity)
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
    even = even_mix(config.support)
    scored = sets_of(splits.test, config, config.test_sets, TEST_SEED, mix=even)
    records = folder.read_metrics()
    found = label_scores(
        infer_labels(model, trained.variables, scored.x),
        scored.masks,
        config.support,
        [record["confusion"] for record in records],
        request.seed,
    )
    more = study.add(Named(request, model, trained, splits, scored, found.scores))
    weights.save_if_small(
        folder.path / weights.FILE, TrainedLearner(model, trained.variables, config.set_size)
    )
    publish(
        folder.path,
        run_of(
            request,
            trained,
            started,
            experiment=study.name,
            data=splits.record,
            scores={**found.scores, **more.scores},
            details={"order": list(found.order)},
        ),
        title=f"{study.title}, {splits.name}",
        intro=study.intro,
        notes=more.notes,
        config=flatten(config),
        figures=[*more.figures, draw_course(folder.path, records, config.model.names)],
        targets=None,
    )


def sets_of(
    items: FactorDataset, config: Any, count: int, seed: int, *, mix: Mix | None = None
) -> Sets:
    """So many sets drawn from a seed, with the masks of a mix; None: those of the config."""
    names, rng = config.model.names, np.random.default_rng(seed)
    mix = config.mix if mix is None else mix
    sets = draw_context_sets(rng, items, names, num_sets=count, set_size=config.set_size, mix=mix)
    return Sets(render_sets(items, names, sets), sets.constant_mask, accidentally_constant(sets))


def accuracy_of(rows: np.ndarray, masks: np.ndarray, support: np.ndarray) -> Score:
    """The share of right masks, at the best order of the contexts.

    Args:
      rows: int [M], of the named masks in the support.
      masks: [M, K], the true ones.
      support: [A, K].
    """
    return Score(agreement_of(rows, masks, support).accuracy, 1.0, FRACTION)
