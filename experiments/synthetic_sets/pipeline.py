"""A neural statistician of sets of numbers, as an experiment (thesis 5.3.1)."""

import functools
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.synthetic import SyntheticSets, sets_of_test, synthetic_sets
from cal_jax.evaluation.bound import bound_per_item
from cal_jax.evaluation.contexts import ContextEncoder
from cal_jax.inference.likelihood import CONTEXT_SAMPLES, LATENT_SAMPLES, set_log_likelihoods
from cal_jax.inference.mapping import Variables
from cal_jax.io.run_folder import RunFolder
from cal_jax.metrics.scores import NATS_PER_ITEM, Score
from cal_jax.models.statistician import NeuralStatistician
from cal_jax.objectives.neural_statistician import (
    NeuralStatisticianTerms,
    neural_statistician_elbo,
)
from cal_jax.training.config import Trained
from experiments.common.figures import draw_course
from experiments.common.run import Fit, evaluation_key, fit_runs, open_runs
from experiments.results.publish import Targets, plain, publish, run_of, targets_of
from experiments.synthetic_sets.config import SyntheticConfig
from experiments.synthetic_sets.figures import (
    draw_conditional_samples,
    draw_contexts,
    draw_set_sizes,
)
from experiments.synthetic_sets.scores import (
    context_scores,
    gap_score,
    locate,
    set_size_curve,
)

EXPERIMENT = "synthetic_sets"
THESIS = {
    "family_knn": "figure 5.3, no number",
    "r2_population_mean": "figure 5.4, no number",
    "r2_population_variance": "figure 5.4, no number",
}


def run(targets: Mapping[str, Targets], request: program.Request) -> None:
    """Train (or resume), evaluate, draw and report the run of each seed in its folder."""
    config = request.config
    program.require_packages("matplotlib", "jinja2", "sklearn")
    model = NeuralStatistician(config.model, (1,))
    with open_runs(request, EXPERIMENT) as runs:
        sets = {run.request.seed: training_sets(config, run.request.seed) for run in runs}
        trained = fit_runs(runs, Fit(model, None, lambda seed: sets[seed].x))
        if is_first():
            for (one, folder), of_seed in zip(runs, trained, strict=True):
                evaluate(targets, one, folder, model, of_seed, sets[one.seed])


def training_sets(config: SyntheticConfig, seed: int) -> SyntheticSets:
    """The sets that a seed trains on."""
    rng = np.random.default_rng(seed)
    return synthetic_sets(rng, config.num_sets, config.set_size, generator=config.generator)


def evaluate(
    targets: Mapping[str, Targets],
    request: program.Request,
    folder: RunFolder,
    model: NeuralStatistician,
    trained: Trained,
    train_sets: SyntheticSets,
) -> None:
    """Score the trained model and write scores.json, the figures and the report."""
    config, started = request.config, time.monotonic()
    test_sets = sets_of_test(
        config.test_seed, config.test_sets, config.set_size, generator=config.generator
    )
    encoder = ContextEncoder(model, trained.variables)
    located = locate(encoder, train_sets, test_sets)
    key_bound, key_likelihood, key_draw = jax.random.split(evaluation_key(request.seed), 3)
    layers = config.model.layers
    objective = functools.partial(neural_statistician_elbo, layers=layers)

    def bound(variables: Variables, x: np.ndarray, **options: Any) -> NeuralStatisticianTerms:
        return bound_per_item(
            objective, model, variables, key_bound, x, items=config.set_size, **options
        )

    terms = bound(trained.variables, test_sets.x)
    untrained = bound(trained.initial_variables, test_sets.x, batch_statistics=True)
    few = SyntheticSets(*(field[: config.likelihood_sets] for field in test_sets))
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
        longer = sets_of_test(config.test_seed, config.test_sets, max(config.sizes), stream=2)
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
        run_of(
            request,
            trained,
            started,
            experiment=EXPERIMENT,
            data={
                "name": f"synthetic, {config.generator} moments",
                "fingerprint": f"test seed {config.test_seed}",
            },
            scores=scores,
            thesis=THESIS,
            details=details,
        ),
        title="Synthetic sets",
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
        targets=targets_of(request, targets),
    )
