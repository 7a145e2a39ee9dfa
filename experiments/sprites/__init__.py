"""Sprites in colour: the contexts are skin, trousers, top, hair, action and direction.

    python -m experiments.sprites --preset cpu --data-dir DIR

DIR holds the folders body, bottomwear, topwear, hair and shoes of
https://github.com/YingzhenLi/Sprites: sheets of the Liberated Pixel Cup, CC-BY-SA 3.0 or GPL 3.
The run's page, scores and figures are in its folder, runs/sprites-cpu-sprites-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.sprites import pipeline
from experiments.sprites.config import PRESETS


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
