"""Steady vowels of British English by fifteen speakers (Deterding 1989).

The file is ``vowel-context.data`` of UCI's "Connectionist Bench (Vowel Recognition - Deterding
Data)". A row has a flag (0 training, 1 test), the speaker, the sex, ten log-area parameters and
the vowel, separated by spaces.
"""

from pathlib import Path

import numpy as np

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.errors import InputError

FILE = "vowel-context.data"
SOURCE = "UCI: Connectionist Bench (Vowel Recognition - Deterding Data)"

WORDS = ("heed", "hid", "head", "had", "hard", "hud", "hod", "hoard", "hood", "who'd", "heard")
"""In which the vowels 0 to 10 are spoken."""
SPEAKERS = tuple(map(str, range(15)))
SEXES = ("male", "female")

_FIELDS = 14
_COUNTS = {0: ("the train or test flag", 2), 1: ("speaker", 15), 2: ("sex", 2), 13: ("vowel", 11)}


def read_vowels(directory: Path) -> tuple[FactorDataset, FactorDataset]:
    """The published split: speakers 0 to 7 train, 8 to 14 test.

    Args:
      directory: that holds ``vowel-context.data``.

    Returns:
      (train, test): items float32 [I, 10] with the factors speaker, vowel and sex.

    Raises:
      InputError: no such file, or a row that is none of it; the message names both.
    """
    path = Path(directory) / FILE
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not plain text"
        raise InputError(f"{path}: {reason}; accepted: {FILE} of {SOURCE}") from error
    rows = [_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    table = np.asarray([row[:3] + row[-1:] for row in rows], int).reshape(-1, 4)
    flag, speaker, sex, vowel = table.T
    if not (flag == 0).any() or not (flag == 1).any():
        raise InputError(f"{path}: rows of one flag; accepted: of 0, train, and of 1, test")
    dataset = FactorDataset(
        np.asarray([row[3:-1] for row in rows], np.float32),
        {
            "speaker": np.asarray(SPEAKERS)[speaker],
            "vowel": np.asarray(WORDS)[vowel],
            "sex": np.asarray(SEXES)[sex],
        },
        value_names={"speaker": SPEAKERS, "vowel": WORDS, "sex": SEXES},
    )
    return dataset.take(flag == 0), dataset.take(flag == 1)


def _row(path: Path, number: int, line: str) -> list[float]:
    words = line.split()
    if len(words) != _FIELDS:
        raise InputError(f"{path}, row {number}: {len(words)} fields; accepted: {_FIELDS}")
    values = []
    for place, word in enumerate(words):
        what, count = _COUNTS.get(place, (f"parameter {place - 2}", 0))
        try:
            value = float(word) if not count else int(word)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value) or (count and not 0 <= value < count):
            accepted = f"0 to {count - 1}" if count else "a finite number"
            raise InputError(f"{path}, row {number}: {what} {word!r}; accepted: {accepted}")
        values.append(value)
    return values
