"""The page of a run that can be heard: one HTML file with its sounds inside."""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cal_jax.data.log_mel import LogMel, waveforms
from cal_jax.data.spoken_digits import Recording
from cal_jax.data.wav import encode_wav
from cal_jax.io.atomic import write_atomically
from experiments.common.factor_study import Finished
from experiments.spoken_digits.sound import DIGIT, SPEAKER, Voices

PAGE = "audio.html"

_TEMPLATE = Path(__file__).with_name("page.html.jinja")


def write_page(
    path: Path, finished: Finished, voices: Voices, recordings: Sequence[Recording]
) -> Path:
    """Write a table of players: a digit a row, a speaker a column.

    Args:
      path: of the file, which needs no other.
      finished: the run.
      voices: what it made.
      recordings: that the scored items are of, in their order.
    """
    import jinja2

    scored, spec = finished.parts.scored, finished.request.config.log_mel
    digits, speakers = (scored.value_names[name] for name in (DIGIT, SPEAKER))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )

    def original(row: int) -> dict[str, str]:
        one = recordings[row]
        return {"name": one.name, "sound": data_uri(one.waveform, spec)}

    made = waveforms(voices.levels, spec)
    real = waveforms(scored.items[voices.real], spec)
    rows = [
        {
            "digit": digit,
            "source": original(voices.digit_sources[d, 0]),
            "cells": [
                {
                    "made": data_uri(made[d, s], spec),
                    "real": data_uri(real[d, s], spec),
                    "name": recordings[voices.real[d, s]].name,
                }
                for s in range(len(speakers))
            ],
        }
        for d, digit in enumerate(digits)
    ]
    page = environment.get_template(_TEMPLATE.name).render(
        title=f"Spoken digits, preset {finished.request.preset}, seed {finished.request.seed}",
        command=finished.request.command,
        speakers=[
            {"speaker": speaker, "source": original(voices.speaker_sources[s, 0])}
            for s, speaker in enumerate(speakers)
        ],
        rows=rows,
        sizes=(voices.digit_sources.shape[1], voices.speaker_sources.shape[1]),
        scored=finished.request.config.scored,
    )
    return write_atomically(path, page.encode())


def data_uri(waveform: np.ndarray, spec: LogMel) -> str:
    """A waveform [T] as a WAV file inside an address, with a peak of 0.9."""
    peak = max(float(np.abs(waveform).max()), 1e-12)
    body = encode_wav(0.9 / peak * waveform, spec.rate)
    return f"data:audio/wav;base64,{base64.b64encode(body).decode()}"
