"""The bench: every method is trained on the same items, then its codes are scored."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from cal_jax.cli import program
from cal_jax.cli.processes import is_first
from cal_jax.config import flatten
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.inference.mapping import Variables
from cal_jax.inference.sampler import in_batches
from cal_jax.io.run_folder import CONFIG_FILE, RunFolder
from cal_jax.metrics.scores import Score
from cal_jax.training.config import Trained
from experiments.bench.config import BenchConfig
from experiments.bench.data import DATA, combinations_of, some_items
from experiments.bench.figures import draw_importances
from experiments.bench.methods import Method, encoder_of, method_of
from experiments.bench.scores import Coded, scores_of
from experiments.common.factor_study import Splits
from experiments.common.run import (
    TEST_SEED,
    Fit,
    SeedRun,
    fit_runs,
    open_runs,
    open_within,
    run_identity,
)
from experiments.results.publish import publish, run_of

NAME = "bench"
INTRO = (
    "Disentanglement by one encoder and decoder. `context_aware` learns from sets that share one "
    "factor without being told which; the pairs of the other methods share all factors but one, "
    "which `gvae` and `ml_vae` are told, and `vae` and `beta_vae` do not use."
)


class MethodRun(NamedTuple):
    """A method that has been trained with one seed."""

    method: Method
    trained: Trained


def run(request: program.Request) -> None:
    """Train (or resume) every method, score, draw and report the run of each seed."""
    program.require_packages("matplotlib", "jinja2", "sklearn")
    config = request.config
    parts = combinations_of(config.data, request.data_dir)
    scored = getattr(parts, config.scored)
    evaluated_on = f"{config.scored} combinations"
    splits = Splits(parts.train, scored, config.data, evaluated_on)
    digest = splits.digest
    with open_runs(request, NAME) as runs:
        found = {name: _trained(runs, name, parts.train, digest) for name in config.methods}
        if is_first():
            for number, (one, folder) in enumerate(runs):
                of_seed = {name: of_seeds[number] for name, of_seeds in found.items()}
                evaluate(one, folder, of_seed, splits._replace(of_files=digest))


def _trained(runs: list[SeedRun], name: str, items: FactorDataset, digest: str) -> list[MethodRun]:
    """One method with every seed, each in a folder inside the seed's."""
    config = runs[0].request.config
    method = method_of(config, name, items)
    own = replace(
        config,
        methods=(name,),
        training=replace(config.training, batch_size=method.batch_size),
    )
    with open_within(runs, name) as inside:
        asked = [one._replace(request=one.request._replace(config=own)) for one in inside]
        what = Fit(method.model, method.objective, lambda _: method.sets)
        trained = fit_runs(asked, what, data=digest, method=name)
    return [MethodRun(method, one) for one in trained]


def evaluate(
    request: program.Request, folder: RunFolder, of_seed: Mapping[str, MethodRun], splits: Splits
) -> None:
    """Score every method and write scores.json, the figure and the report."""
    config, started = request.config, time.monotonic()
    codes, factors = all_codes(config, of_seed, splits.test, request.seed)
    scores: dict[str, Score] = {}
    importances: dict[str, np.ndarray] = {}
    for name, of_items in codes.items():
        fitted, scored = (
            Coded(of_items[part], factors[part])
            for part in (slice(config.fitted_items), slice(config.fitted_items, None))
        )
        found = scores_of(config, fitted, scored, request.seed)
        scores |= {f"{measure}_{name}": score for measure, score in found.scores.items()}
        importances[name] = found.importance
    folder.write_json(CONFIG_FILE, run_identity(request, data=splits.digest))
    first = next(iter(of_seed.values())).trained
    whole = first._replace(seconds=sum(one.trained.seconds for one in of_seed.values()))
    publish(
        folder.path,
        run_of(request, whole, started, experiment=NAME, data=splits.record, scores=scores),
        title=f"Disentanglement, {config.data}",
        intro=INTRO,
        notes=notes_of(config),
        config=flatten(config),
        figures=[draw_importances(folder.path, importances, DATA[config.data].factors)],
        targets=None,
    )


def all_codes(
    config: BenchConfig, of_seed: Mapping[str, MethodRun], scored: FactorDataset, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Codes of the scored items by every method, then by none, and the items' factors.

    ``untrained`` is the first method's model before its first step, ``random`` are draws from
    N(0, I) in as many dimensions.
    """
    factors = DATA[config.data].factors
    items = some_items(scored, config.fitted_items + config.scored_items, TEST_SEED)
    x = shown(items)
    codes = {}
    for name, (method, trained) in of_seed.items():
        codes[name] = encoder_of(method, len(factors))(trained.variables, x)
    method, trained = next(iter(of_seed.values()))
    initial: Variables = trained.initial_variables
    codes["untrained"] = encoder_of(method, len(factors))(initial, x)
    rng = np.random.default_rng(seed)
    codes["random"] = rng.normal(size=(len(x), config.block * len(factors)))
    return codes, items.columns(factors)


def shown(items: FactorDataset) -> np.ndarray:
    """The items as a model sees them, float32 [I, *X]."""
    render: Any = items.render
    one_key, nothing = jax.random.key(0), np.zeros((items.num_items, 0), np.int32)
    drawn = jax.jit(lambda batch, values: render(batch, values, one_key))
    return np.asarray(in_batches(drawn, items.items, nothing), np.float32)


def notes_of(config: BenchConfig) -> list[str]:
    """What must be read with the scores."""
    return [
        f"Every method: {config.training.steps} steps of {2 * config.pairs} items, "
        f"{config.block} dimensions a factor, predictors fitted on {config.fitted_items} of the "
        f"{config.scored} combinations and scored on {config.scored_items} others; DCI by "
        f"{config.boosting_rounds} rounds of boosting.",
        "`context_aware`, `context_aware_told`, `gvae` and `ml_vae` have a block of dimensions "
        "for each factor, and DCI is of blocks; `dci_d_dimensions` is of single dimensions.",
        "`untrained` is the first method's encoder before its first step, `random` are "
        "standard normal codes: the floors.",
    ]
