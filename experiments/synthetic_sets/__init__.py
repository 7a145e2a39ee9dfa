"""Sets of numbers from four families of distributions (thesis 5.3.1, figures 5.3 and 5.4).

    python -m experiments.synthetic_sets --preset thesis

Trains a neural statistician on sets of 200 draws and asks what its contexts
know: the family, the moments, and how close the model's density comes to the
one that made the data. What each preset reached is in docs/results/README.md.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

from cal_jax.cli import program
from cal_jax.models.statistician import NeuralStatisticianConfig
from cal_jax.nn.hidden import Hidden
from experiments.synthetic_sets import pipeline as synthetic
from experiments.synthetic_sets.config import SyntheticConfig

GOALS = {
    "family_knn": 0.98,
    "r2_population_mean": 0.97,
    "r2_population_variance": 0.85,
    "gap_to_true_density_per_item": 0.10,
}
TARGETS = {"thesis": GOALS, "best": GOALS}
"""By preset."""

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
        model=NeuralStatisticianConfig(latent_dim=4, hidden=Hidden(16, 2)),
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
        model=replace(_CPU.model, hidden=Hidden(skip=False)),
    ),
    "cpu-basic": replace(
        _CPU,
        summary="cpu with the basic model (5.3): one layer, the likelihood sees z alone",
        model=replace(_CPU.model, layers=1, full=False),
    ),
    "thesis": _THESIS,
    "best": replace(
        _THESIS,
        summary="the same 50 epochs in batches of 64, the rate brought down: some 40 minutes",
        training=replace(_THESIS.training, steps=7_812, batch_size=64, schedule="cosine"),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{synthetic.EXPERIMENT}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            module, description, PRESETS, arguments, images=False, oracle=False
        ),
        functools.partial(synthetic.run, TARGETS),
    )
