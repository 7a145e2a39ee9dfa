"""Sprites whose masks are inferred: which of six factors the frames of a set share is not told.

    python -m experiments.sprites_untold --preset cpu --data-dir DIR            # one of the six
    python -m experiments.sprites_untold --preset cpu-subsets --data-dir DIR    # any of them

DIR is that of ``experiments.sprites``. The run's page, scores and figures are in its folder,
runs/sprites_untold-cpu-sprites-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.sprites_untold import pipeline
from experiments.sprites_untold.config import PRESETS


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
