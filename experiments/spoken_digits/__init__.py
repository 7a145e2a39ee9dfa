"""Spoken digits: the contexts are the digit and the speaker.

    python -m experiments.spoken_digits --preset cpu --data-dir DIR

DIR holds ``recordings.zip``, the WAV files of the Free Spoken Digit Dataset
(https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0), or the files themselves.
"""

from collections.abc import Sequence

from experiments.common import factor_study
from experiments.common.factor_study import Additions, FactorStudy, Finished
from experiments.common.run import TEST_SEED
from experiments.spoken_digits.config import PRESETS
from experiments.spoken_digits.figures import draw_voices
from experiments.spoken_digits.page import PAGE, write_page
from experiments.spoken_digits.recordings import parts_of, splits
from experiments.spoken_digits.scores import own_scores
from experiments.spoken_digits.sound import every_voice


def add(finished: Finished) -> Additions:
    """The study's own scores, and the page that can be heard."""
    folder, scored = finished.folder, finished.parts.scored
    voices = every_voice(finished.learner, scored, TEST_SEED)
    write_page(folder / PAGE, finished, voices, parts_of(finished.request).scored)
    note = f"{PAGE} beside this page plays every digit in every voice."
    return Additions(own_scores(finished), [note], [draw_voices(folder, voices, scored)])


STUDY = FactorStudy(
    name="spoken_digits",
    title="Spoken digits",
    intro="A context-aware learner of log-mel spectrograms. The recordings of a set share a digit "
    "or a speaker; which of the two is known, its value is not.",
    presets=PRESETS,
    splits=splits,
    reads="directory",
    add=add,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0, or 2 for bad input."""
    assert __doc__
    return factor_study.main(STUDY, __doc__, arguments)
