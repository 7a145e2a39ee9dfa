"""Spoken digits as their users run them, on made recordings, and what each fit of it may see."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.log_mel import LogMel, log_mel, waveforms
from cal_jax.data.spoken_digits import read_spoken_digits
from cal_jax.data.wav import decode_wav, encode_wav
from cal_jax.inference import weights
from experiments import spoken_digits as study
from experiments.common import factor_scores, factor_study
from experiments.results.record import read_run
from experiments.spoken_digits import PAGE, PRESETS, main, scores
from experiments.spoken_digits.page import write_page
from experiments.spoken_digits.scores import additive, bits_per_decibel, revoiced
from experiments.spoken_digits.sound import every_voice
from tests.data.voices import SPEAKERS, files, waveform, write_archive
from tests.stderr import said

FACTORS = ("digit", "speaker")
SPEC = PRESETS["smoke"].log_mel


@pytest.fixture(name="data", scope="module")
def made_recordings(tmp_path_factory):
    """A directory with 12 takes of three digits by two speakers."""
    return write_archive(tmp_path_factory.mktemp("data"), files())


class Smoke(NamedTuple):
    """A finished run."""

    folder: Path
    seen: dict[str, list]
    """What each fit and each score was given, as takes: levels that no two recordings share."""


@pytest.fixture(name="smoke", scope="module")
def smoke_run(data, tmp_path_factory):
    """The smoke preset, watched."""
    take_of = {log_mel(one.waveform, SPEC).tobytes(): one.take for one in read_spoken_digits(data)}
    seen = {}

    def takes(items):
        rows = np.asarray(items, np.float32).reshape(-1, *SPEC.shape)
        return {take_of[row.tobytes()] for row in rows}

    def spy(patch, owner, name, see):
        real = getattr(owner, name)

        def watched(*args, **options):
            seen.setdefault(name, []).append(see(*args))
            return real(*args, **options)

        patch.setattr(owner, name, watched)

    def of_neighbours(near, known, far, truth):
        items = near.shape[1] == SPEC.bands * SPEC.shape[1]
        return (takes(near), takes(far)) if items else (len(near), len(far))

    folder = tmp_path_factory.mktemp("runs") / "smoke"
    flags = ["--preset", "smoke", "--data-dir", str(data), "--devices", "1"]
    with pytest.MonkeyPatch.context() as patch:
        spy(patch, factor_study, "FactorSets", lambda dataset: takes(dataset.items))
        spy(patch, factor_study, "render_sets", lambda dataset, names, sets: takes(dataset.items))
        spy(patch, factor_scores, "render_sets", lambda dataset, names, sets: takes(dataset.items))
        spy(patch, Pipeline, "fit", lambda _, x, y: takes(x))
        spy(patch, factor_scores, "knn_accuracy", of_neighbours)
        spy(patch, scores, "additive", lambda sources, centre: (takes(sources), centre))
        spy(patch, study, "every_voice", lambda learner, scored, seed: takes(scored.items))
        assert main([*flags, "--run-dir", str(folder)]) == 0
    return Smoke(folder, seen)


def sounds_of(page):
    """The waveforms of all players of a page, in their order."""
    bodies = re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)
    return [decode_wav(base64.b64decode(body), SPEC.rate, "player") for body in bodies]


def test_a_run_leaves_scores_figures_weights_and_two_pages(smoke):
    folder = smoke.folder
    run = read_run(folder)
    parts = (*FACTORS, "joint")
    assert set(run["scores"]) == {
        *(f"synthesis_{name}{of}" for name in parts for of in ("", "_means")),
        *(f"{of}_{name}" for of in ("floor", "audio", "additive") for name in parts),
        *(f"{of}_{name}" for of in ("informativeness", "neighbours") for name in FACTORS),
        "elbo_per_item",
        "bits_per_dimension",
    }
    for of in ("synthesis", "audio"):
        assert run["scores"][f"{of}_joint"]["ceiling"] > 0.9
    assert run["data"]["evaluated_on"] == "test takes"
    assert run["command"] == (
        "python -m experiments.spoken_digits --preset smoke --data-dir DIR --seed 0"
    )
    report = (folder / "report.html").read_text()
    assert report.count("data:image/png;base64,") == 5 and f"{PAGE} beside this page" in report
    page = (folder / PAGE).read_text()
    assert "http" not in page.replace("https://github.com/Jakobovski", "")
    assert page.count("<audio") == len(sounds_of(page)) == 2 + 3 + 2 * 2 * 3
    assert weights.load(folder / weights.FILE).model.event_shape == SPEC.shape == (12, 16)


def test_no_fit_sees_a_test_take_and_nothing_else_is_scored(smoke, data):
    train, test = set(range(5, 12)), set(range(5))
    seen = smoke.seen
    assert seen["FactorSets"] == [train] and seen["fit"] == [train, train]
    near, far = (len(SPEAKERS) * 3 * len(takes) for takes in (train, test))
    assert [pair for pair in seen["knn_accuracy"] if pair != (near, far)] == [(train, test)] * 2
    assert len(seen["knn_accuracy"]) == 4
    assert all(takes == test for name in ("render_sets", "every_voice") for takes in seen[name])
    ((sources, centre),) = seen["additive"]
    assert sources <= test
    levels = [log_mel(one.waveform, SPEC) for one in read_spoken_digits(data) if one.take > 4]
    np.testing.assert_allclose(centre, np.mean(levels, axis=0), atol=1e-6)


def test_configs_are_chosen_without_a_test_take(data, monkeypatch):
    found = []
    monkeypatch.setattr(factor_study, "run", lambda of, request: found.append(of.splits(request)))
    assert main(["--data-dir", str(data), "--scored", "validation"]) == 0
    (splits,) = found
    assert set(splits.train.factors["take"]) == {10, 11}
    assert set(splits.test.factors["take"]) == set(range(5, 10))
    assert splits.evaluated_on == "validation takes"
    assert splits.train.event_shape == SPEC.shape


class Reads:
    """A learner whose contexts are the factors that items name, averaged over their set."""

    set_size = 4

    def contexts(self, x, constant):
        (name,) = constant
        return {name: x[..., 0, FACTORS.index(name)].mean(axis=1, keepdims=True)}

    def decode(self, contexts):
        return np.concatenate([contexts[name] for name in FACTORS], axis=-1)[:, None]


def test_each_digit_is_said_in_each_voice_by_contexts_of_their_own_sources():
    values = np.stack(np.meshgrid(range(3), range(2), range(5)), axis=-1).reshape(-1, 3)
    scored = FactorDataset(
        values[:, None, :2].astype(np.float32), dict(zip(FACTORS, values.T, strict=False))
    )
    voices = every_voice(Reads(), scored, seed=0)
    expected = np.stack(np.meshgrid(range(3), range(2), indexing="ij"), axis=-1)
    np.testing.assert_array_equal(voices.levels[:, :, 0], expected)
    np.testing.assert_array_equal(scored.items[voices.real][:, :, 0], expected)
    for k, rows in enumerate((voices.digit_sources, voices.speaker_sources)):
        assert rows.shape == (3 - k, 4)
        table = scored.items[rows][..., 0, :]
        assert (table[..., k] == np.arange(3 - k)[:, None]).all()
        assert all(len(set(row)) == 4 for row in rows) and np.ptp(table[..., 1 - k]) > 0


def test_a_player_has_the_sound_that_its_place_names(data, tmp_path):
    recordings = [one for one in read_spoken_digits(data) if one.take < 2]
    items = np.stack([log_mel(one.waveform, SPEC) for one in recordings])
    scored = FactorDataset(
        items, {name: [getattr(r, name) for r in recordings] for name in FACTORS}
    )
    real = np.arange(12).reshape(3, 2, 2)[..., 1]
    voices = SimpleNamespace(
        digit_sources=real[:, :1], speaker_sources=real[1:], real=real, levels=items[real - 1]
    )
    finished = SimpleNamespace(
        parts=SimpleNamespace(scored=scored),
        request=SimpleNamespace(
            config=PRESETS["smoke"], preset="smoke", seed=3, command="python <run>"
        ),
    )
    page = write_page(tmp_path / "p.html", finished, voices, recordings).read_text()
    assert "python &lt;run&gt;" in page and "Spoken digits, preset smoke, seed 3" in page
    players = iter(sounds_of(page))
    originals = [real[1, 0], real[2, 0]]
    for row in range(3):
        for column in range(2 if row == 0 else 0):
            assert_same(next(players), recordings[originals[column]].waveform)
        assert_same(next(players), recordings[real[row, 0]].waveform)
        for column in range(2):
            for levels in (voices.levels[row, column], items[real[row, column]]):
                assert_same(next(players), waveforms(levels, SPEC))
            assert f"{row}_{('ann', 'bob')[column]}_1.wav, Griffin-Lim" in page


def assert_same(sound, waveform):
    """They differ in loudness alone, and by the steps of 16 bits."""
    np.testing.assert_allclose(sound, 0.9 * waveform / np.abs(waveform).max(), atol=1e-4)


def test_factors_that_add_up_are_met_by_the_additive_baseline():
    rng = np.random.default_rng(0)
    centre, digits, speakers = rng.normal(size=(2, 3)), *rng.normal(size=(2, 4, 2, 3))
    digits, speakers = digits - digits.mean(axis=0), speakers - speakers.mean(axis=0)
    of_digit = centre + digits[[2]] + speakers
    of_speaker = centre + digits + speakers[[1]]
    made = additive(np.stack([of_digit, of_speaker])[None], centre)
    np.testing.assert_allclose(made, (centre + digits[2] + speakers[1])[None], atol=1e-12)


def test_what_is_heard_is_near_what_was_written_and_bits_are_of_decibels():
    levels = np.stack([log_mel(waveform(digit, "ann", 0), LogMel()) for digit in (0, 2)])
    again = revoiced(levels, LogMel())
    assert again.shape == levels.shape
    off = np.abs(again[:, None] - levels[None]).mean(axis=(2, 3))
    assert (off.argmin(axis=1) == [0, 1]).all() and off.diagonal().max() < 0.05
    assert bits_per_decibel(0.0, SPEC) == pytest.approx(np.log2(60))
    assert bits_per_decibel(12 * 16 * np.log(60), SPEC) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_takes_its_own_levels(preset):
    config = PRESETS[preset]
    config.model.sizes(config.log_mel.shape)
    config.model.likelihood.check(np.zeros((1, *config.log_mel.shape), np.float32), "items")
    assert config.model.names == FACTORS and config.scored == "test"
    assert all(context.action.transforms is False for context in config.model.contexts)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--data-dir: none; accepted: a directory with recordings.zip or WAV files"),
        ("--data-dir nowhere", "nowhere: No such file or directory"),
        ("--log-mel.bands 0", "bands must be at least 1"),
        ("--scored train", "train"),
        ("--held-back 3", "Unrecognized options: --held-back"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_takes_that_leave_none_to_train_on_are_refused(tmp_path, capsys):
    few = {name: encode_wav(waveform(0, "ann", 0), 8_000) for name in files(1, ("ann",), 7)}
    write_archive(tmp_path, few)
    assert main(["--data-dir", str(tmp_path), "--scored", "validation"]) == 2
    assert "takes up to 6; accepted: takes of 10 and above, to train on" in said(capsys)
