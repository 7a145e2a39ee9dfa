"""Made recordings of spoken digits: two formants say the digit, pitch and tilt the speaker."""

import zipfile

import numpy as np

from cal_jax.data.spoken_digits import ARCHIVE, RATE
from cal_jax.data.wav import encode_wav

SPEAKERS = {"ann": (210.0, 0.7), "bob": (110.0, -0.7)}
"""The pitch in Hz, and the power of the frequency that the amplitude follows."""


def waveform(digit, speaker, take):
    """A voice of 0.2 s, with a silence before it and a little noise."""
    rng = np.random.default_rng([digit, len(speaker), take])
    seconds = np.arange(RATE // 5) / RATE
    pitch, tilt = SPEAKERS[speaker]
    pitch *= rng.uniform(0.97, 1.03)
    formants = np.array([400.0 + 250.0 * digit, 3600.0 - 300.0 * digit])
    sound = np.zeros_like(seconds)
    for harmonic in np.arange(pitch, 0.47 * RATE, pitch):
        gain = np.exp(-0.5 * ((harmonic - formants) / 250.0) ** 2).sum() + 0.05
        gain *= (harmonic / 1_000.0) ** tilt
        sound += gain * np.sin(2 * np.pi * harmonic * seconds + rng.uniform(0, 2 * np.pi))
    sound *= np.sin(np.pi * seconds / seconds[-1])
    sound = rng.uniform(0.2, 0.9) * sound / np.abs(sound).max()
    silence = np.zeros(rng.integers(100, 300))
    return np.concatenate([silence, sound]) + 1e-3 * rng.normal(size=len(silence) + len(sound))


def files(digits=3, speakers=("ann", "bob"), takes=12):
    """The bytes of WAV files by name."""
    return {
        f"{digit}_{speaker}_{take}.wav": encode_wav(waveform(digit, speaker, take), RATE)
        for digit in range(digits)
        for speaker in speakers
        for take in range(takes)
    }


def write_archive(folder, named):
    """A folder with an archive of these files."""
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        for name, body in named.items():
            archive.writestr(name, body)
    return folder


def write_folder(folder, named):
    """A folder with these files."""
    for name, body in named.items():
        (folder / name).write_bytes(body)
    return folder
