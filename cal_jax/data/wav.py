"""Mono WAV files of 16 bits: bytes from a waveform, and a waveform from bytes."""

import io
import wave

import numpy as np

from cal_jax.errors import InputError


def encode_wav(waveform: np.ndarray, rate: int) -> bytes:
    """The file of a waveform [T] in [-1, 1], at so many samples a second; louder is clipped."""
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = np.round(np.asarray(waveform, np.float64) * 2**15)
        file.writeframes(np.clip(samples, -(2**15), 2**15 - 1).astype("<i2").tobytes())
    return body.getvalue()


def decode_wav(body: bytes, rate: int, source: str) -> np.ndarray:
    """The waveform of a file, float32 [T] in [-1, 1).

    Args:
      body: of the file.
      rate: samples a second that it must have.
      source: opens an error's message.

    Raises:
      InputError: no uncompressed WAV file; another rate, number of channels or of bits; fewer
        samples than its header says; none, or silence.
    """
    try:
        with wave.open(io.BytesIO(body)) as file:
            kind = (file.getframerate(), file.getnchannels(), 8 * file.getsampwidth())
            count, samples = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        said = str(error) or "it ends too early"
        raise InputError(f"{source}: no WAV file ({said}); accepted: uncompressed WAV") from error
    if kind != (rate, 1, 16):
        raise InputError(
            f"{source}: {kind[0]} Hz, {kind[1]} channels, {kind[2]} bits; "
            f"accepted: {rate} Hz, 1 channel, 16 bits"
        )
    if len(samples) != 2 * count:
        raise InputError(
            f"{source}: {len(samples) // 2} of {count} samples; accepted: a file that is complete"
        )
    waveform = np.frombuffer(samples, "<i2").astype(np.float32) / 2**15
    if not waveform.any():
        raise InputError(f"{source}: {'silent' if count else 'empty'}; accepted: a sound")
    return waveform
