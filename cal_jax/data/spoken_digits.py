"""Recordings of spoken digits: the Free Spoken Digit Dataset (Jakobovski and others, CC BY-SA 4.0).

https://github.com/Jakobovski/free-spoken-digit-dataset: mono WAV files of 16 bits at 8 kHz, named
``DIGIT_SPEAKER_TAKE.wav``. Takes 0 to 4 of every digit and speaker are its test recordings.
"""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from cal_jax.data.wav import decode_wav
from cal_jax.errors import InputError

ARCHIVE = "recordings.zip"
SOURCE = "the Free Spoken Digit Dataset"
RATE = 8_000
"""Samples a second."""
TEST_TAKES = range(5)
"""Of the published split."""

MOST_BYTES = 1 << 20
"""Of one file: a minute."""

_NAME = re.compile(r"([0-9])_([a-z]+)_(0|[1-9][0-9]{0,5})\.wav")
_DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Recording(NamedTuple):
    """One take of a digit by a speaker."""

    digit: str
    speaker: str
    take: int
    waveform: np.ndarray
    """float32 [T] in [-1, 1), at ``RATE``."""

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.digit}_{self.speaker}_{self.take}.wav"


def read_spoken_digits(directory: Path) -> list[Recording]:
    """Every recording, in order of digit, speaker and take.

    Args:
      directory: with ``recordings.zip``, or with the WAV files themselves.

    Raises:
      InputError: no recordings; a name, a rate, a number of channels or bits other than the
        published ones; a file that is broken, empty, silent or too long; a path that leaves
        the archive; a take that other digits or speakers have and one lacks. It names the file.
    """
    directory = Path(directory)
    archive = directory / ARCHIVE
    files = _of_archive(archive) if archive.exists() else _of_folder(directory)
    found: dict[str, Recording] = {}
    for source, name, body in files:
        recording = _recording(source, name, body)
        if recording.name in found:
            raise InputError(f"{source}: a second {name}; accepted: each recording once")
        found[recording.name] = recording
    if not found:
        raise InputError(
            f"{directory}: no recordings; accepted: a directory with {ARCHIVE}, or with the WAV "
            f"files, of {SOURCE}"
        )
    _require_every_take(directory, found)
    return sorted(found.values(), key=lambda one: one[:3])


def _of_archive(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Where each WAV file of an archive is, its name and its bytes."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                place = PurePosixPath(info.filename.replace("\\", "/"))
                if place.is_absolute() or ".." in place.parts or ":" in info.filename:
                    raise InputError(
                        f"{path}: {info.filename!r} leaves the archive; accepted: paths inside it"
                    )
                if info.is_dir() or place.suffix.lower() != ".wav":
                    continue
                source = f"{path}, {info.filename}"
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise InputError(f"{source}: a link; accepted: files")
                with archive.open(info) as file:
                    yield source, place.name, _bounded(source, file.read(MOST_BYTES + 1))
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(
            f"{path}: damaged or encrypted ({error}); accepted: {ARCHIVE} of {SOURCE}"
        ) from error


def _of_folder(directory: Path) -> Iterator[tuple[str, str, bytes]]:
    """Where each WAV file of a folder is, its name and its bytes."""
    try:
        paths = [path for path in directory.iterdir() if path.suffix.lower() == ".wav"]
        for path in sorted(paths):
            with path.open("rb") as file:
                yield str(path), path.name, _bounded(str(path), file.read(MOST_BYTES + 1))
    except OSError as error:
        raise InputError(
            f"{error.filename}: {error.strerror}; accepted: a directory with {ARCHIVE} or WAV files"
        ) from error


def _bounded(source: str, body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise InputError(f"{source}: over {MOST_BYTES} bytes; accepted: recordings of one digit")
    return body


def _recording(source: str, name: str, body: bytes) -> Recording:
    named = _NAME.fullmatch(name)
    if named is None:
        raise InputError(f"{source}: the name {name!r}; accepted: DIGIT_SPEAKER_TAKE.wav")
    digit, speaker, take = named.groups()
    return Recording(digit, speaker, int(take), decode_wav(body, RATE, source))


def _require_every_take(directory: Path, found: dict[str, Recording]) -> None:
    digits = sorted({one.digit for one in found.values()})
    speakers = sorted({one.speaker for one in found.values()})
    most = max(one.take for one in found.values())
    for digit in digits:
        for speaker in speakers:
            for take in range(most + 1):
                name = f"{digit}_{speaker}_{take}.wav"
                if name not in found:
                    raise InputError(
                        f"{directory}: no {name}; accepted: takes 0 to {most} of each of the "
                        f"digits {', '.join(digits)} by each of {', '.join(speakers)}"
                    )
