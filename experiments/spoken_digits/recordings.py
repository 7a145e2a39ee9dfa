"""The recordings of a run as log-mel items, and which of them train, choose and test."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cal_jax.cli.program import Request
from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.log_mel import LogMel, log_mel
from cal_jax.data.spoken_digits import ARCHIVE, TEST_TAKES, Recording, read_spoken_digits
from cal_jax.errors import InputError
from experiments.common.factor_study import Splits

VALIDATION_TAKES = range(TEST_TAKES.stop, TEST_TAKES.stop + 5)


class Parts(NamedTuple):
    """Recordings by what they are for."""

    train: list[Recording]
    scored: list[Recording]


def parts_of(request: Request) -> Parts:
    """The recordings that train and that are scored; where none is a test, no test take is kept.

    Raises:
      InputError: no directory, too few takes, or what ``read_spoken_digits`` refuses.
    """
    if request.data_dir is None:
        raise InputError(f"--data-dir: none; accepted: a directory with {ARCHIVE} or WAV files")
    validation = request.config.scored == "validation"
    scored = VALIDATION_TAKES if validation else TEST_TAKES
    recordings = read_spoken_digits(request.data_dir)
    parts = Parts(
        [one for one in recordings if one.take >= scored.stop],
        [one for one in recordings if one.take in scored],
    )
    if not parts.train:
        raise InputError(
            f"{request.data_dir}: takes up to {recordings[-1].take}; accepted: takes of "
            f"{scored.stop} and above, to train on"
        )
    return parts


def dataset_of(recordings: Sequence[Recording], spec: LogMel) -> FactorDataset:
    """The levels of recordings, float32 [I, B, F], with the factors digit, speaker and take."""
    return FactorDataset(
        np.stack([log_mel(one.waveform, spec) for one in recordings]),
        {
            "digit": [one.digit for one in recordings],
            "speaker": [one.speaker for one in recordings],
            "take": [one.take for one in recordings],
        },
    )


def splits(request: Request) -> Splits:
    """Training and scored takes as a study's data.

    Raises:
      InputError: see ``parts_of``.
    """
    parts, spec = parts_of(request), request.config.log_mel
    return Splits(
        dataset_of(parts.train, spec),
        dataset_of(parts.scored, spec),
        "recordings",
        f"{request.config.scored} takes",
    )
