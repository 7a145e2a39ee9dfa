"""Waveforms whose short-time Fourier transform has given magnitudes."""

import numpy as np
from scipy.signal import ShortTimeFFT


def griffin_lim(
    magnitude: np.ndarray,
    transform: ShortTimeFFT,
    samples: int,
    *,
    iterations: int = 60,
    momentum: float = 0.99,
    seed: int = 0,
) -> np.ndarray:
    """Alternate between the given magnitudes and the transforms that waveforms have.

    Griffin & Lim 1984, with the momentum of Perraudin, Balazs & Søndergaard 2013.

    Args:
      magnitude: [..., Q, F].
      transform: with Q bins, and F frames of so many samples.
      samples: T.
      iterations: 1 or more.
      momentum: 0 is the algorithm of 1984.
      seed: of the first phases.

    Returns:
      float64 [..., T].
    """
    angles = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, magnitude.shape[-2:])
    estimate = magnitude * np.exp(1j * angles)
    previous = np.zeros_like(estimate)
    for _ in range(iterations):
        sound = transform.istft(estimate, k1=samples)
        consistent = transform.stft(sound)
        moved = consistent + momentum * (consistent - previous)
        previous = consistent
        estimate = magnitude * moved / np.maximum(np.abs(moved), 1e-12)
    found: np.ndarray = transform.istft(estimate, k1=samples)
    return found
