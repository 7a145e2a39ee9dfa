"""WAV files as waveforms and back."""

import io
import wave

import numpy as np
import pytest

from cal_jax.data.wav import decode_wav, encode_wav
from cal_jax.errors import InputError

SOUND = np.sin(np.arange(50) / 3.0)


def wav(rate=8_000, channels=1, width=2, frames=b"\1\2" * 20):
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setframerate(rate)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.writeframes(frames)
    return body.getvalue()


def test_a_waveform_survives_to_half_a_step_and_what_is_louder_is_clipped():
    body = encode_wav(np.concatenate([0.9 * SOUND, [2.0, -2.0]]), 8_000)
    found = decode_wav(body, 8_000, "x.wav")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:-2], 0.9 * SOUND, atol=0.51 / 2**15)
    assert found[-2:].tolist() == [1.0 - 2.0**-15, -1.0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "x.wav: no WAV file (it ends too early); accepted: uncompressed WAV"),
        (b"RIFF\0\0\0\0WAVX", "x.wav: no WAV file (not a WAVE file)"),
        (wav()[:40], "x.wav: no WAV file"),
        (wav()[:-6], "x.wav: 17 of 20 samples; accepted: a file that is complete"),
        (wav(rate=16_000), "x.wav: 16000 Hz, 1 channels, 16 bits; accepted: 8000 Hz, 1 channel"),
        (wav(channels=2), "x.wav: 8000 Hz, 2 channels, 16 bits"),
        (wav(width=1), "x.wav: 8000 Hz, 1 channels, 8 bits"),
        (wav(frames=b""), "x.wav: empty; accepted: a sound"),
        (wav(frames=b"\0\0" * 9), "x.wav: silent; accepted: a sound"),
    ],
)
def test_other_files_are_refused_in_one_line(body, message):
    with pytest.raises(InputError) as refused:
        decode_wav(body, 8_000, "x.wav")
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)
