"""Log-mel levels and the sounds that Griffin-Lim makes of them."""

import numpy as np
import pytest

from cal_jax.data.griffin_lim import griffin_lim
from cal_jax.data.log_mel import LogMel, cut, log_mel, waveforms
from cal_jax.errors import InputError
from tests.data.voices import waveform

SPEC = LogMel(samples=1_920)


def tone(hertz, samples=3_000):
    return np.sin(2 * np.pi * hertz * np.arange(samples) / SPEC.rate)


def spectral_convergence(sound, magnitude):
    """The distance of the magnitudes of a sound from given ones: a ratio of norms."""
    off = np.abs(SPEC.transform.stft(sound)) - magnitude
    return np.linalg.norm(off) / np.linalg.norm(magnitude)


@pytest.mark.parametrize("hertz", [250.0, 1_000.0, 3_000.0])
def test_a_tone_is_loudest_in_the_band_whose_filter_is_highest_there(hertz):
    levels = log_mel(tone(hertz), SPEC)
    assert levels.shape == SPEC.shape == (32, 16) and levels.dtype == np.float32
    filters = SPEC.filters / SPEC.filters.max(axis=1, keepdims=True)
    band = filters[:, round(hertz * SPEC.window / SPEC.rate)].argmax()
    assert (levels[:, 1:-1].argmax(axis=0) == band).all() and levels.max() == 1.0
    assert levels[(band + 16) % 32].max() < 0.4


def test_bands_rise_evenly_on_the_mel_scale_and_have_unit_area():
    filters, step = LogMel(window=4_096).filters, 8_000 / 4_096
    np.testing.assert_allclose(filters.sum(axis=1) * step, 1.0, atol=0.02)
    centres = 2595 * np.log10(1 + filters.argmax(axis=1) * step / 700)
    np.testing.assert_allclose(np.diff(centres), np.diff(centres).mean(), atol=4.0)


def test_loudness_and_the_silence_before_a_sound_change_nothing():
    sound = waveform(1, "ann", 0)[300:]
    levels = log_mel(sound, SPEC)
    np.testing.assert_allclose(log_mel(0.01 * sound, SPEC), levels, atol=1e-5)
    late = np.concatenate([np.zeros(5 * SPEC.hop), sound])
    later = np.concatenate([np.zeros(20 * SPEC.hop), sound])
    np.testing.assert_allclose(log_mel(later, SPEC), log_mel(late, SPEC), atol=1e-5)


def test_a_level_is_decibels_below_the_loudest():
    quiet = np.concatenate([tone(1_000.0, 960), 0.1 * tone(1_000.0, 960)])
    loudest = log_mel(quiet, SPEC).max(axis=0)
    assert loudest[3] - loudest[11] == pytest.approx(20.0 / SPEC.range_db, abs=0.01)


@pytest.mark.parametrize("samples", [100, 1_919, 5_000])
def test_sounds_are_padded_or_cut_and_silence_is_zero(samples):
    assert cut(tone(440.0, samples), SPEC).shape == (SPEC.samples,)
    assert not log_mel(np.zeros(samples), SPEC).any()
    assert not log_mel(tone(440.0, 100), SPEC)[:, 4:].any()


def test_griffin_lim_finds_a_sound_of_the_given_magnitudes():
    sound = cut(waveform(2, "bob", 0), SPEC)
    magnitude = np.abs(SPEC.transform.stft(sound))
    found = griffin_lim(magnitude, SPEC.transform, SPEC.samples)
    assert found.shape == sound.shape
    assert spectral_convergence(found, magnitude) < 0.1
    once = griffin_lim(magnitude, SPEC.transform, SPEC.samples, iterations=1)
    assert spectral_convergence(once, magnitude) > 0.2
    assert spectral_convergence(sound, magnitude) == 0.0


def test_a_sound_made_of_levels_has_these_levels():
    levels = np.stack([log_mel(waveform(d, s, 0), SPEC) for d in range(3) for s in ("ann", "bob")])
    sounds = waveforms(levels.reshape(3, 2, *SPEC.shape), SPEC)
    assert sounds.shape == (3, 2, SPEC.samples) and sounds.dtype == np.float32
    np.testing.assert_allclose(np.abs(sounds).max(axis=-1), 0.9, rtol=1e-5)
    again = np.stack([log_mel(sound, SPEC) for sound in sounds.reshape(6, -1)])
    assert SPEC.range_db * np.sqrt(np.mean((again - levels) ** 2)) < 4.0
    np.testing.assert_array_equal(waveforms(levels[0], SPEC), sounds[0, 0])
    assert not waveforms(np.zeros(SPEC.shape), SPEC).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hop": 200}, "window must be at least 400"),
        ({"samples": 100}, "samples must be at least 256"),
        ({"bands": 0}, "bands must be at least 1"),
        (
            {"bands": 160},
            "bands 160: one of them has no frequency of a window of 256",
        ),
        ({"lowest": 4_000.0}, r"lowest 4000.0; accepted: 0 to below 4000.0 Hz"),
        ({"range_db": 0.0}, r"range_db 0.0; accepted: more than 0 dB"),
        ({"onset_db": -1.0}, r"onset_db -1.0; accepted: more than 0 dB"),
    ],
)
def test_sizes_that_cannot_be_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        LogMel(**fields)
