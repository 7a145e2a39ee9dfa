"""Sprites as their users run them, on made-up sheets, and what each fit of it may see."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cal_jax.data.sprite_frames import CHARACTER, FACTORS, render_frames
from cal_jax.data.sprites import Pose, read_sprites
from cal_jax.inference import weights
from cal_jax.inference.sample import GeneratedSet
from experiments.results.record import read_run
from experiments.sprites import PRESETS, main, pipeline
from experiments.sprites.baselines import additive, mean_and_nearest
from experiments.sprites.characters import TEST_CHARACTERS, divided
from experiments.sprites.oracle import OracleConfig, digest, read, train_oracle
from experiments.sprites.scores import Synthesis, baseline_scores, swap_scores, synthesis_scores
from experiments.sprites.sources import Asked, six_sources, swaps_of
from tests.data.sprite_sheets import write_sheets
from tests.stderr import said

POSES = tuple(
    Pose(action, direction, frame)
    for action in ("walk", "spellcast", "slash")
    for direction in ("front", "left", "right")
    for frame in (1, 2)
)


@pytest.fixture(name="sheets", scope="module")
def made_sheets(tmp_path_factory):
    """A directory with the 25 sheets."""
    return write_sheets(tmp_path_factory.mktemp("data") / "sheets")


@pytest.fixture(name="layers", scope="module")
def few_poses(sheets):
    """Two frames of every action and direction."""
    return read_sprites(sheets, POSES)


def characters(frames):
    """Of the frames, as tuples of values."""
    return set(map(tuple, frames.columns(CHARACTER)))


class Smoke(NamedTuple):
    """A finished run."""

    folder: Path
    fitted: list
    """The characters that each fit, and each search for neighbours, was given."""
    scored: list
    """Those that were scored."""


@pytest.fixture(name="smoke", scope="module")
def smoke_run(sheets, tmp_path_factory):
    """The smoke preset, watched."""
    fitted, scored = [], []

    def spy(patch, name, place, seen):
        real = getattr(pipeline, name)

        def watched(*args, **options):
            seen.append((name, characters(args[place])))
            return real(*args, **options)

        patch.setattr(pipeline, name, watched)

    folder = tmp_path_factory.mktemp("runs") / "smoke"
    flags = ["--preset", "smoke", "--data-dir", str(sheets), "--devices", "1"]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FactorSets", "train_oracle", "mean_and_nearest"):
            spy(patch, name, 0, fitted)
        for name, place in {"synthesise": 1, "ceilings": 0, "draw_context_sets": 1}.items():
            spy(patch, name, place, scored)
        assert main([*flags, "--run-dir", str(folder)]) == 0
    return Smoke(folder, fitted, scored)


def test_a_run_leaves_scores_figures_weights_and_a_page(smoke):
    run = read_run(smoke.folder)
    every = (*FACTORS, "all")
    with_ceiling = {f"synthesis_{name}{of}" for name in every for of in ("", "_means")}
    with_ceiling |= {"action_kept", "swap_taken", "swap_all"}
    assert {name for name, score in run["scores"].items() if score["ceiling"]} <= with_ceiling
    assert set(run["scores"]) == {
        *with_ceiling,
        *(f"{of}_{name}" for of in ("additive", "nearest") for name in every),
        "copied_all",
        "elbo_per_item",
        "bits_per_dimension",
    }
    assert run["data"]["evaluated_on"] == "test characters"
    assert (run["data"]["train_characters"], run["data"]["scored_characters"]) == (1000, 296)
    assert run["command"] == "python -m experiments.sprites --preset smoke --data-dir DIR --seed 0"
    report = (smoke.folder / "report.html").read_text()
    assert report.count("data:image/png;base64,") == 2 and "CC-BY-SA 3.0 / GPL 3" in report
    assert weights.load(smoke.folder / weights.FILE).model.event_shape == (64, 64, 3)


def test_no_fit_sees_a_scored_character_and_no_other_is_scored(smoke):
    assert {name for name, _ in smoke.fitted} == {"FactorSets", "train_oracle", "mean_and_nearest"}
    assert {name for name, _ in smoke.scored} == {"synthesise", "ceilings", "draw_context_sets"}
    fitted = set.union(*(seen for _, seen in smoke.fitted))
    scored = set.union(*(seen for _, seen in smoke.scored))
    assert len(fitted) == 1000 and len(scored) == 296 and not fitted & scored


def test_combinations_are_held_out_and_no_value_is(layers):
    published, choosing = divided(layers, "test"), divided(layers, "validation")
    train, test = map(characters, published)
    assert (len(train), len(test)) == (1000, TEST_CHARACTERS) and not train & test
    parts = [characters(part) for part in (*choosing, published.scored)]
    assert [len(part) for part in parts] == [800, 200, 296]
    assert len(set.union(*parts)) == 1296
    for frames in (published.train, choosing.train, choosing.scored):
        assert (np.ptp(frames.columns(FACTORS), axis=0) == [5, 5, 5, 5, 2, 2]).all()


def test_sources_share_what_they_give_and_never_show_the_wanted_character(layers):
    frames = divided(layers, "test").scored
    table = frames.columns(FACTORS)
    asked = six_sources(frames, 20, 6, np.random.default_rng(0))
    assert asked.rows.shape == (20, 6, 6)
    for rows, wanted in zip(asked.rows, asked.wanted, strict=True):
        assert (table == wanted).all(axis=1).any(), "of a scored frame"
        for k, source in enumerate(rows):
            assert len(set(source)) == 6 and (table[source, k] == wanted[k]).all()
            assert not (table[source, :4] == wanted[:4]).all(axis=1).any()
    varied = np.stack([np.ptp(table[asked.rows[:, k]], axis=1) > 0 for k in range(6)])
    assert (varied.mean(axis=1) > 0.9)[~np.eye(6, dtype=bool)].all()


def test_a_swap_takes_two_factors_but_the_kept_one_of_another_clip(layers):
    frames = divided(layers, "test").scored
    swaps = swaps_of(frames, "action", 60, 2, np.random.default_rng(0))
    table = frames.columns(FACTORS)[swaps.asked.rows]
    assert table.shape == (60, 6, 2, 6) and (table[:, :, :1] == table).all(), "clips"
    assert (swaps.swapped.sum(axis=1) == 2).all() and not swaps.swapped[:, 4].any()
    assert len(np.unique(swaps.swapped, axis=0)) == 10
    for clips, swapped, wanted in zip(
        table[:, :, 0], swaps.swapped, swaps.asked.wanted, strict=True
    ):
        assert (clips[swapped] == clips[swapped][0]).all()
        assert (clips[~swapped] == clips[4]).all(), "all others are of the clip with the action"
        np.testing.assert_array_equal(np.diagonal(clips), wanted)


def found_of(wanted, samples, means=None):
    """A synthesis whose frames are their own readings."""
    made = GeneratedSet(samples, samples if means is None else means)
    return Synthesis(Asked(np.zeros((len(wanted), 6, 1), int), wanted), samples[:, None], made)


def test_scores_are_shares_of_frames(layers):
    del layers
    wanted = np.arange(12).reshape(2, 6)
    samples = np.repeat(wanted[:, None], 4, axis=1)
    samples[0, 0, 2] = samples[1, :, 4] = -1  # of 8 frames, 1 wrong top and 4 wrong actions
    real = np.ones((10, 6), bool)
    real[0, 5] = False
    found = found_of(wanted, samples, np.repeat(wanted[:, None], 4, axis=1))
    scores = synthesis_scores(found, lambda frames: frames, real)
    assert scores["synthesis_top"][:2] == (7 / 8, 1.0)
    assert scores["synthesis_action"][:2] == (0.5, 1.0)
    assert scores["synthesis_all"][:2] == (3 / 8, 0.9)
    assert scores["synthesis_all_means"][:2] == (1.0, 0.9)
    swapped = np.zeros((2, 6), bool)
    swapped[0, [2, 3]] = swapped[1, [0, 1]] = True
    swaps = swap_scores(found, swapped, lambda frames: frames, real)
    assert swaps["action_kept"][:2] == (0.5, 1.0)
    assert swaps["swap_taken"][:2] == (7 / 8, 0.9) and swaps["swap_all"][:2] == (3 / 8, 0.9)
    baselines = baseline_scores(found, lambda frames: frames, wanted, samples[:, 0])
    assert baselines["additive_all"].value == 1.0 and baselines["nearest_all"].value == 0.0
    assert baselines["copied_all"].value == 3 / 8


def test_additive_and_nearest_frames(layers):
    train, scored = divided(layers, "test")
    train = train.take(np.random.default_rng(0).permutation(train.num_items)[:600])
    asked = six_sources(scored, 3, 8, np.random.default_rng(0))
    sources = render_frames(scored, asked.rows)
    made, nearest = mean_and_nearest(train, sources)
    frames = render_frames(train, np.arange(train.num_items)).astype(np.float32)
    centre = frames.mean(axis=0)
    np.testing.assert_allclose(made, additive(sources, centre), atol=0.01)
    by_hand = sources.mean(axis=2)[0].sum(axis=0) - 5 * centre
    np.testing.assert_allclose(made[0], np.clip(by_hand, 0, 255), atol=0.01)
    for one, found in zip(made, nearest, strict=True):
        distance = ((frames - one[None]) ** 2).sum(axis=(1, 2, 3))
        np.testing.assert_array_equal(frames[distance.argmin()], found)


def test_the_oracle_reads_characters_that_it_never_saw(layers):
    train, scored = divided(layers, "test")
    config = OracleConfig(
        width=64, steps=120, batch_size=48, learning_rate=5e-3, dropped=0.1, noise=0.0
    )
    oracle = train_oracle(train, FACTORS, config)
    rows = np.random.default_rng(0).permutation(scored.num_items)[:200].reshape(4, 50)
    found = read(oracle, render_frames(scored, rows))
    assert found.shape == (4, 50, 6)
    right = (found == scored.columns(FACTORS)[rows]).mean(axis=(0, 1))
    assert right[:4].min() > 0.9, right
    assert len(digest(oracle)) == 64


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_takes_frames_in_colour_and_no_known_transformation(preset):
    config = PRESETS[preset]
    config.model.sizes((64, 64, 3))
    assert config.model.names == FACTORS and config.scored == "test"
    assert not any(context.action.transforms for context in config.model.contexts)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--data-dir: none; accepted: a directory with the sheets of https://github.com"),
        ("--data-dir nowhere", "nowhere/body/0.png: no such file"),
        ("--set-size 1", "set_size must be at least 2"),
        ("--oracle.steps 0", "steps must be at least 1"),
        ("--scored train", "train"),
        ("--held-back 3", "Unrecognized options: --held-back"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1
