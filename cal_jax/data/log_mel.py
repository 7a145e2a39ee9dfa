"""Log-mel spectrograms of a fixed size, and waveforms from them.

Shape letters: T samples, B mel bands, F frames, Q frequency bins.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from cal_jax.config import require_at_least
from cal_jax.data.griffin_lim import griffin_lim
from cal_jax.errors import InputError


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram: levels from 0, ``range_db`` below the loudest, to 1, the loudest.

    Nothing of it is fitted: a recording is measured by itself. What precedes the sound is cut,
    what follows is padded with silence or cut.
    """

    rate: int = 8_000
    """Samples a second."""
    samples: int = 4_992
    """T, of a recording after padding or cutting; 0.624 s."""
    window: int = 256
    """Samples of a Hann window."""
    hop: int = 128
    """Samples between two frames."""
    bands: int = 32
    """B."""
    lowest: float = 60.0
    """Hz, where the first band begins; the last ends at half the rate."""
    range_db: float = 60.0
    """Decibels that the levels 0 to 1 span."""
    onset_db: float = 35.0
    """A recording begins one frame before the first frame that is at most so far below its
    loudest one."""

    def __post_init__(self) -> None:
        require_at_least(self, rate=1, hop=1, window=2 * self.hop, bands=1, samples=self.window)
        if not 0 <= self.lowest < self.rate / 2:
            raise InputError(f"lowest {self.lowest}; accepted: 0 to below {self.rate / 2} Hz")
        for name in ("range_db", "onset_db"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} {getattr(self, name)}; accepted: more than 0 dB")
        if not self.filters.any(axis=1).all():
            raise InputError(
                f"bands {self.bands}: one of them has no frequency of a window of {self.window}; "
                "accepted: fewer bands, or a longer window"
            )

    @property
    def transform(self) -> ShortTimeFFT:
        """The short-time Fourier transform [..., T] -> complex [..., Q, F]."""
        return ShortTimeFFT(hann(self.window, sym=False), self.hop, self.rate)

    @property
    def shape(self) -> tuple[int, int]:
        """(B, F)"""
        return self.bands, self.transform.p_num(self.samples)

    @property
    def filters(self) -> np.ndarray:
        """Triangles of unit area on the mel scale of O'Shaughnessy (1987), [B, Q]."""
        top = _mel(self.rate / 2)
        corners = _hertz(np.linspace(_mel(self.lowest), top, self.bands + 2))[:, None]
        left, middle, right = corners[:-2], corners[1:-1], corners[2:]
        hertz = np.fft.rfftfreq(self.window, 1 / self.rate)[None]
        rising, falling = (hertz - left) / (middle - left), (right - hertz) / (right - middle)
        return np.maximum(np.minimum(rising, falling), 0.0) * 2.0 / (right - left)


def log_mel(waveform: np.ndarray, spec: LogMel) -> np.ndarray:
    """Levels float32 [B, F] of a waveform [T']; of silence, 0."""
    mel = spec.filters @ _power(cut(waveform, spec), spec)
    decibels = 10.0 * np.log10(np.maximum(mel / max(mel.max(), 1e-20), 1e-20))
    return np.clip(1.0 + decibels / spec.range_db, 0.0, 1.0).astype(np.float32)


def cut(waveform: np.ndarray, spec: LogMel) -> np.ndarray:
    """The waveform [T] from its onset, padded with silence or cut."""
    whole = np.pad(np.asarray(waveform, np.float64), (0, max(0, spec.window - len(waveform))))
    energy = _power(whole, spec).sum(axis=0)
    loud = energy >= energy.max() * 10.0 ** (-spec.onset_db / 10)
    onset = max(0, int(np.argmax(loud)) - 1) * spec.hop
    kept = whole[onset : onset + spec.samples]
    return np.pad(kept, (0, spec.samples - len(kept)))


def waveforms(levels: np.ndarray, spec: LogMel, *, iterations: int = 60) -> np.ndarray:
    """Waveforms [..., T] with these levels [..., B, F], nearly, each with a peak of 0.9.

    The pseudo-inverse of the filters gives the power of every frequency bin; Griffin-Lim finds
    the phases.
    """
    mel = 10.0 ** (spec.range_db / 10.0 * (np.clip(levels, 0.0, 1.0) - 1.0))
    mel = np.where(np.asarray(levels) > 0.0, mel, 0.0)
    power = np.maximum(np.linalg.pinv(spec.filters) @ mel, 0.0)
    sound = griffin_lim(np.sqrt(power), spec.transform, spec.samples, iterations=iterations)
    peak = np.abs(sound).max(axis=-1, keepdims=True)
    return (0.9 * sound / np.maximum(peak, 1e-12)).astype(np.float32)


def _power(waveform: np.ndarray, spec: LogMel) -> np.ndarray:
    return np.abs(spec.transform.stft(waveform)) ** 2


def _mel(hertz: float | np.ndarray) -> float | np.ndarray:
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
