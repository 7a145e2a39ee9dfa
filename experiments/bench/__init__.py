"""Disentanglement by eight methods: one encoder and decoder, equal steps, the field's metrics.

    python -m experiments.bench --preset drawn_sprites
    python -m experiments.bench --preset shapes3d --data-dir DIR

The first needs no data. The others read the official file in DIR (``docs/howto/data.md``) and
want an accelerator. ``--methods '("ada_gvae", "context_aware")'`` trains some methods alone; a
run that was stopped goes on. The page and scores are in runs/bench-drawn_sprites-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli import program
from experiments.bench import pipeline
from experiments.bench.config import PRESETS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    description = __doc__.splitlines()[0]
    return program.run_experiment(
        lambda: program.request(
            "experiments.bench",
            description,
            PRESETS,
            arguments,
            images=False,
            data=True,
            oracle=False,
        ),
        pipeline.run,
    )
