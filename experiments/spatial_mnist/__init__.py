"""Spatial MNIST: digits as sets of points (Edwards & Storkey 2017, not in the thesis).

    python -m experiments.spatial_mnist --preset cpu --data-dir DIR

Trains a neural statistician on sets of 50 points, each set drawn from the grey
levels of one image, and asks whether its contexts know the digit: an oracle
reads what the model draws given a test set. What each preset reached is in
docs/results/README.md.
"""

from collections.abc import Sequence
from dataclasses import replace

from cal_jax.cli import program
from cal_jax.evaluation.oracle.points import PointOracleConfig
from cal_jax.nn.hidden import Hidden
from experiments.spatial_mnist import pipeline as spatial
from experiments.spatial_mnist.config import SpatialConfig

_THESIS = SpatialConfig(summary="the paper's: 100 epochs of MNIST; for an accelerator")

PRESETS = {
    "smoke": SpatialConfig(
        summary="seconds: a small model, too short to learn; for tests",
        model=replace(_THESIS.model, context_dim=8, layers=2, hidden=Hidden(16, 2)),
        training=replace(_THESIS.training, steps=20, batch_size=8, chunk_steps=10),
        oracle=PointOracleConfig(
            grid=8, channels=(8,), width=16, steps=150, batch_size=32, learning_rate=2e-2
        ),
        image_size=8,
        set_size=10,
        neighbour_sets=100,
        test_sets=40,
        likelihood_sets=2,
    ),
    "cpu": replace(
        _THESIS,
        summary="4 epochs of a narrower model; some 15 minutes on 2 cores",
        model=replace(_THESIS.model, hidden=Hidden(128)),
        training=replace(_THESIS.training, steps=15_000, alpha=0.0),
        likelihood_sets=24,
    ),
    "thesis": _THESIS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{spatial.EXPERIMENT}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(module, description, PRESETS, arguments, oracle=False), spatial.run
    )
