"""Omniglot: one-shot classification and synthesis of characters; contexts are character and hand.

    python -m experiments.omniglot --part small1 --preset cpu --data-dir DIR

DIR holds ``images_background_small1.zip`` (or ``small2``; or ``images_background.zip`` for
``--part background``) and ``all_runs.zip`` of https://github.com/brendenlake/omniglot, folder
``python``. ``--model statistician`` trains a neural statistician instead. To choose between
configs: ``--held-back Balinese Early_Aramaic``. The run's page, scores and figures are in its
folder, runs/omniglot-small1-cpu-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.omniglot import pipeline
from experiments.omniglot.config import MODELS, PARTS, PRESETS, with_model, with_part

CHOICES = (
    program.Choice("part", PARTS, "small1", "images to train on", with_part),
    program.Choice("model", MODELS, "learner", "which model", with_model),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    description = __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            "experiments.omniglot",
            description,
            PRESETS,
            arguments,
            images=False,
            data=True,
            choices=CHOICES,
        ),
        pipeline.run,
    )
