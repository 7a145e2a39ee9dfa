"""Vowels of speakers that training never heard, named after adaptation to unlabelled items.

    python -m experiments.vowels --preset cpu --data-dir DIR

DIR holds ``vowel-context.data`` of UCI's "Connectionist Bench (Vowel Recognition - Deterding
Data)". The split is the published one: speakers 0 to 7 train, 8 to 14 test. The run's page,
scores and figures are in its folder, runs/vowels-cpu-vowels-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.vowels import pipeline
from experiments.vowels.config import PRESETS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{pipeline.NAME}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            module, description, PRESETS, arguments, images=False, data=True, oracle=False
        ),
        pipeline.run,
    )
