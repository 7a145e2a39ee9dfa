"""Typefaces: unseen faces completed from a few of their letters; the contexts are letter and face.

    python -m experiments.typefaces --preset cpu --data-dir DIR

DIR holds fonts (.ttf, .otf, .woff2, in any folders inside it), or ``glyphs.npz`` of
``python -m cal_jax.data.glyphs``; without it, the faces that ship with the package are taken.
The run's page, scores and figures are in its folder, runs/typefaces-cpu-fonts-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.typefaces import pipeline
from experiments.typefaces.config import PRESETS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    module, description = f"experiments.{pipeline.NAME}", __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(module, description, PRESETS, arguments, images=False, data=True),
        pipeline.run,
    )
