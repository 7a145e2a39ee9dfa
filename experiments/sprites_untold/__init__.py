"""Sprites whose masks are inferred: which of six factors the frames of a set share is not told.

    python -m experiments.sprites_untold --preset cpu --data-dir DIR            # one of the six
    python -m experiments.sprites_untold --preset cpu-subsets --data-dir DIR    # any of them

DIR is that of ``experiments.sprites``. The run's page, scores and figures are in its folder,
runs/sprites_untold-cpu-sprites-seed0.
"""

from collections.abc import Sequence

from cal_jax.cli.program import Request, require_packages
from experiments.common import untold
from experiments.common.factor_study import Splits
from experiments.common.untold import UntoldStudy
from experiments.sprites.characters import characters_of
from experiments.sprites.figures import ART
from experiments.sprites.pipeline import DATA, about
from experiments.sprites_untold.config import PRESETS
from experiments.sprites_untold.scores import comparison_and_baselines


def splits(request: Request) -> Splits:
    """Frames of characters that train, and of others.

    Raises:
      InputError: see ``characters_of``.
    """
    require_packages("PIL")
    parts, sheets = characters_of(request)
    evaluated_on = f"{request.config.scored} characters"
    return Splits(parts.train, parts.scored, DATA, evaluated_on, about(parts), of_files=sheets)


STUDY = UntoldStudy(
    name="sprites_untold",
    title="Untold masks",
    intro="A context-aware learner of frames whose masks are inferred: which of skin, trousers, "
    f"top, hair, action and direction the frames of a set share is not told. {ART}.",
    presets=PRESETS,
    splits=splits,
    identity="sheets",
    add=comparison_and_baselines,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return untold.main(STUDY, __doc__, arguments)
