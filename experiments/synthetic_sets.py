"""Sets of numbers from four families of distributions (thesis 5.3.1, figures 5.3 and 5.4).

    python -m experiments.synthetic_sets --preset thesis

Trains a neural statistician on sets of 200 draws and asks what its contexts
know: the family, the moments, and how close the model's density comes to the
one that made the data. What each preset reached is in the README's table.
"""

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cal_jax import cli
from cal_jax.axes import DEVICE
from cal_jax.configuration import flatten, require_at_least
from cal_jax.data.synthetic import GENERATORS, Generator, SyntheticSets, synthetic_sets
from cal_jax.distributed import is_first
from cal_jax.errors import InputError
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.evaluation.likelihood import CONTEXT_SAMPLES, LATENT_SAMPLES, set_log_likelihoods
from cal_jax.evaluation.scores import NATS_PER_ITEM, Score
from cal_jax.evaluation.synthetic_scores import (
    context_scores,
    gap_score,
    locate,
    set_size_curve,
)
from cal_jax.experiment import TEST_SEED, evaluation_key, open_runs, train_in
from cal_jax.generation_figures import draw_course
from cal_jax.mapping import Variables, init_variables, map_objective
from cal_jax.models.neural_statistician import NeuralStatistician, NeuralStatisticianConfig
from cal_jax.objectives.neural_statistician import (
    NeuralStatisticianTerms,
    neural_statistician_elbo,
)
from cal_jax.objectives.weighting import weighted_objective
from cal_jax.publication import Run, plain, publish
from cal_jax.run_folder import RunFolder
from cal_jax.synthetic_figures import draw_conditional_samples, draw_contexts, draw_set_sizes
from cal_jax.training.run import Task, Trained, TrainingConfig
from cal_jax.training.step import DataSet

EXPERIMENT = "synthetic_sets"
TARGETS = {
    "family_knn": 0.98,
    "r2_population_mean": 0.97,
    "r2_population_variance": 0.85,
    "gap_to_true_density_per_item": 0.10,
}
"""At --preset thesis."""

THESIS = {
    "family_knn": "figure 5.3, no number",
    "r2_population_mean": "figure 5.4, no number",
    "r2_population_variance": "figure 5.4, no number",
}


@dataclass(frozen=True)
class SyntheticConfig:
    """Everything that decides a run but the seed."""

    summary: str
    model: NeuralStatisticianConfig = field(default_factory=NeuralStatisticianConfig)
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            steps=31_250,
            batch_size=16,
            learning_rate=1e-3,
            kl_power=1,
            clip=0.5,
            chunk_steps=125,
            chunk_form="scan",
        )
    )
    """50 epochs of 10,000 data sets in batches of 16."""
    generator: Generator = "population"
    """population (decision 33) or author, the thesis author's public code."""
    num_sets: int = 10_000
    set_size: int = 200
    test_sets: int = 1_000
    test_seed: int = TEST_SEED
    """Choose between configs with another one: test sets of this seed are for publishing."""
    likelihood_sets: int = 100
    """Test sets whose nested bound is taken."""
    sizes: tuple[int, ...] = (5, 10, 20, 50, 100, 200, 500, 1_000)
    """Of the curve of scores against set size."""

    def __post_init__(self) -> None:
        if self.generator not in GENERATORS:
            raise InputError(
                f"generator must be one of {', '.join(GENERATORS)}: got {self.generator!r}"
            )
        require_at_least(
            self,
            test_seed=0,
            num_sets=10,
            set_size=2,
            test_sets=10,
            likelihood_sets=1,
        )
        if self.likelihood_sets > self.test_sets:
            raise InputError(f"likelihood_sets must be at most test_sets, {self.test_sets}")
        if self.model.item_dim != 1:
            raise InputError(f"model.item_dim must be 1: got {self.model.item_dim}")
        if not self.sizes or min(self.sizes) < 1:
            raise InputError(f"sizes must be one or more of at least 1: got {self.sizes}")


_THESIS = SyntheticConfig(summary="section 5.3.1 in full: 50 epochs; an hour or more on 2 cores")

_CPU = replace(
    _THESIS,
    summary="4 epochs, the rate brought down: some 5 minutes on 2 cores",
    training=replace(_THESIS.training, steps=2_500, schedule="cosine"),
    likelihood_sets=20,
)

PRESETS = {
    "smoke": SyntheticConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=NeuralStatisticianConfig(latent_dim=4, width=16, depth=2),
        training=replace(_THESIS.training, steps=20, batch_size=8, chunk_steps=10),
        num_sets=200,
        set_size=20,
        test_sets=40,
        likelihood_sets=2,
        sizes=(5, 30),
    ),
    "cpu": _CPU,
    "cpu-one-layer": replace(
        _CPU,
        summary="cpu with one stochastic layer",
        model=replace(_CPU.model, layers=1),
    ),
    "cpu-no-skip": replace(
        _CPU,
        summary="cpu without residual connections",
        model=replace(_CPU.model, skip=False),
    ),
    "cpu-basic": replace(
        _CPU,
        summary="cpu with the basic model (5.3): one layer, the likelihood sees z alone",
        model=replace(_CPU.model, layers=1, full=False),
    ),
    "thesis": _THESIS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    return cli.run_experiment(lambda: _request(arguments), run)


def run(request: cli.Request) -> None:
    """Train (or resume), evaluate, draw and report one run in its folder."""
    config = request.config
    cli.require_packages("matplotlib", "jinja2", "sklearn")
    model = NeuralStatistician(config.model)
    with open_runs(request, EXPERIMENT) as runs:
        seeds = [run.request.seed for run in runs]
        sets = [data_sets(config, (seed,), config.num_sets) for seed in seeds]
        tasks = [training_task(config, model, *of) for of in zip(sets, seeds, strict=True)]
        trained = train_in(runs, config.training, tasks)
        if is_first():
            for (one, folder), model_of_seed, own in zip(runs, trained, sets, strict=True):
                evaluate(one, folder, model, model_of_seed, own)


def data_sets(config: SyntheticConfig, seed: tuple[int, ...], num_sets: int) -> SyntheticSets:
    """The sets of a seed: (the run's,) for training, (the test's, 1) for testing."""
    rng = np.random.default_rng(seed)
    return synthetic_sets(rng, num_sets, config.set_size, generator=config.generator)


def objective_of(config: SyntheticConfig) -> Any:
    """The bound with the config's number of stochastic layers."""
    return functools.partial(neural_statistician_elbo, layers=config.model.layers)


def training_task(
    config: SyntheticConfig, model: NeuralStatistician, sets: SyntheticSets, seed: int
) -> Task:
    """The data sets, the bound and its mapping, for ``training.train.train``."""
    objective = objective_of(config)

    def draw(_: jax.Array, x: jax.Array, row: jax.Array) -> DataSet:
        return DataSet((x[row],))

    def init() -> Any:
        return init_variables(objective, model, jax.random.key(seed), jnp.asarray(sets.x[0]))

    mapped = map_objective(objective, model, extra_axes=(DEVICE,))
    return Task(init, mapped, weighted_objective, draw, sets.x, config.num_sets)


def evaluate(
    request: cli.Request,
    folder: RunFolder,
    model: NeuralStatistician,
    trained: Trained,
    train_sets: SyntheticSets,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    test_sets = data_sets(config, (config.test_seed, 1), config.test_sets)
    encoder = ContextEncoder(model, trained.variables)
    located = locate(encoder, train_sets, test_sets)
    key_bound, key_likelihood, key_draw = jax.random.split(evaluation_key(request.seed), 3)

    def bound(variables: Variables, x: np.ndarray, **options: Any) -> NeuralStatisticianTerms:
        return bound_per_item(
            objective_of(config), model, variables, key_bound, x, items=config.set_size, **options
        )

    terms = bound(trained.variables, test_sets.x)
    untrained = bound(trained.initial_variables, test_sets.x, batch_statistics=True)
    few = SyntheticSets(*(field[: config.likelihood_sets] for field in test_sets))
    layers = config.model.layers
    nested = set_log_likelihoods(model, trained.variables, key_likelihood, few.x, layers=layers)
    nested = nested / config.set_size
    is_exact = config.generator == "population"
    scores = context_scores(located, exact=is_exact)
    details = {"bound_per_item": plain(terms), "untrained_elbo_per_item": float(untrained.elbo)}
    figures = [
        *draw_contexts(folder.path, located),
        draw_conditional_samples(
            folder.path, model, trained.variables, key_draw, test_sets, layers=layers
        ),
        draw_course(folder.path, folder.read_metrics()),
    ]
    if is_exact:
        scores["gap_to_true_density_per_item"] = gap_score(nested, few)
        longer = data_sets(
            replace(config, set_size=max(config.sizes)), (config.test_seed, 2), config.test_sets
        )
        curve = set_size_curve(encoder, located, longer, config.sizes)
        details["set_sizes"] = {"items": list(config.sizes), **curve}
        figures.append(draw_set_sizes(folder.path, config.sizes, curve))
    on_few = float(bound(trained.variables, few.x).elbo)
    for name, value in {
        "nested_log_likelihood_per_item": float(nested.mean()),
        "elbo_subset_per_item": on_few,
        "elbo_per_item": float(terms.elbo),
    }.items():
        scores[name] = Score(value, None, NATS_PER_ITEM)
    publish(
        folder.path,
        Run(
            experiment=EXPERIMENT,
            preset=request.preset,
            command=request.command,
            revision=trained.revision,
            seed=request.seed,
            seconds=trained.seconds + time.monotonic() - started,
            data={
                "name": f"synthetic, {config.generator} moments",
                "fingerprint": f"test seed {config.test_seed}",
            },
            scores=scores,
            thesis=THESIS,
            details=details,
        ),
        title=f"Synthetic sets, preset {request.preset}, seed {request.seed}",
        intro="A neural statistician of one-dimensional data sets, each from one of four "
        "families, with a mean and a variance of its own (thesis 5.3.1).",
        notes=[
            f"The bound is {float(terms.elbo):.4f} nats per item on {config.test_sets} test sets; "
            f"an untrained model's is {float(untrained.elbo):.4f}. log p(D) is the nested bound "
            f"of {CONTEXT_SAMPLES} contexts by {LATENT_SAMPLES} latents an item, on the first "
            f"{config.likelihood_sets} of them, as is elbo_subset_per_item."
        ],
        config=flatten(config),
        figures=figures,
        targets=TARGETS if config == PRESETS["thesis"] else None,
    )


def _request(arguments: Sequence[str] | None) -> cli.Request:
    assert __doc__
    return cli.request(
        f"experiments.{EXPERIMENT}",
        __doc__.splitlines()[0],
        PRESETS,
        arguments,
        images=False,
        oracle=False,
    )


if __name__ == "__main__":
    sys.exit(main())
