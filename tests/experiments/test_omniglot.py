"""The Omniglot study as its users run it, and what each fit of it may see.

Corners of the made-up images say which part they are of: one of an alphabet to train on, two of
an alphabet that is held back, three of the published runs. Turns and sizes leave them.
"""

from dataclasses import replace

import numpy as np
import pytest

from cal_jax.data.omniglot_runs import NAME
from cal_jax.evaluation.oracle import cache
from cal_jax.inference import weights
from experiments.common import run as runs_of_experiments
from experiments.omniglot import PRESETS, main, pipeline, synthesis, with_model, with_part
from experiments.omniglot.config import CONTEXTS
from experiments.omniglot.images import images_of, training_items
from experiments.omniglot.synthesis import sources_of, synthesis_scores
from experiments.results.record import read_run
from tests.data.omniglot_zips import part_files, run_files, write_part, write_zip
from tests.stderr import said

TRAIN, HELD_BACK, RUNS = 1, 2, 3
SYNTHESIS = {f"synthesis_{name}" for name in ("character", "hand", "joint")}
SYNTHESIS |= {"floor_hand", "floor_joint"}


def corners(images):
    """How many corners of images [..., H, W] are inked: a set of numbers."""
    x = np.asarray(images)
    lit = [x[..., row, column] > 0.2 for row in (0, -1) for column in (0, -1)]
    return set(np.sum(lit, axis=0).ravel().tolist())


@pytest.fixture(name="data", scope="module")
def made_up_zips(tmp_path_factory):
    """small1 with an alphabet to hold back, small2 without, and the published runs."""
    folder = tmp_path_factory.mktemp("data")
    train, held_back = part_files({"Aa": 3, "Bb": 3}), part_files({"Cc": 4}, HELD_BACK)
    write_part(folder, "small1", {**train, **held_back})
    write_part(folder, "small2", train)
    return write_zip(folder, NAME, run_files(RUNS))


class Seen:
    """What the fits of a run are given, and which runs are scored."""

    def __init__(self, monkeypatch):
        self.fitted, self.scored, self.pairs = [], [], set()
        fit, train, classify = runs_of_experiments.fit, cache.train_oracle, pipeline.classify
        fit_hands = pipeline.fit_hand_judge

        def fit_watched(model, sets, **options):
            data = sets(0)
            self.fitted.append(data.dataset.items if hasattr(data, "dataset") else data.data[0])
            return fit(model, sets, **options)

        def train_watched(draw_batch, data, *args, **options):
            self.fitted.append(np.asarray(data[0]))
            return train(draw_batch, data, *args, **options)

        def fit_hands_watched(known):
            self.fitted.append(known.items)
            return fit_hands(known)

        def classify_watched(config, trained, images, key):
            self.scored.append(images.runs)
            self.pairs |= {item.tobytes() for item in images.pairs.items}
            return classify(config, trained, images, key)

        monkeypatch.setattr(runs_of_experiments, "fit", fit_watched)
        monkeypatch.setattr(cache, "train_oracle", train_watched)
        monkeypatch.setattr(pipeline, "fit_hand_judge", fit_hands_watched)
        monkeypatch.setattr(pipeline, "classify", classify_watched)


def run(data, folder, *flags):
    own = ["--preset", "smoke", "--data-dir", str(data), "--run-dir", str(folder)]
    assert main([*own, "--devices", "1", "--centre", "False", *flags]) == 0
    return read_run(folder)


def test_a_learner_is_chosen_on_alphabets_that_no_fit_sees(data, tmp_path, monkeypatch):
    seen = Seen(monkeypatch)
    monkeypatch.setattr("experiments.omniglot.images.read_run_ink", None)  # it stays unread
    record = run(data, tmp_path / "run", "--held-back", "Cc", "--views", "0")
    assert [corners(items) for items in seen.fitted] == [{TRAIN}] * 3
    assert seen.pairs and not any(one.tobytes() in seen.pairs for x in seen.fitted for one in x)
    assert [corners(part) for one in seen.scored for part in one] == [{HELD_BACK}] * 2
    one_shot = {f"one_shot_error{of}" for of in ("", "_contexts", "_likelihood", "_pixels")}
    assert set(record["scores"]) == one_shot | SYNTHESIS
    assert record["scores"]["one_shot_error_pixels"]["value"] > 0
    assert "best_likelihood_weight" in record["details"]
    assert record["experiment"] == "omniglot-small1"
    assert record["data"]["evaluated_on"] == "runs of the held-back alphabets Cc"
    assert record["oracle"]["accuracy"].keys() == {"character"}
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert weights.load(tmp_path / "run" / weights.FILE).names == CONTEXTS


def test_a_statistician_is_scored_on_the_published_runs(data, tmp_path, monkeypatch):
    seen = Seen(monkeypatch)
    record = run(data, tmp_path / "run", "--part", "small2", "--model", "statistician")
    assert [corners(items) for items in seen.fitted] == [{TRAIN}] * 3
    assert seen.pairs and not any(one.tobytes() in seen.pairs for x in seen.fitted for one in x)
    assert [corners(part) for one in seen.scored for part in one] == [{RUNS}] * 2
    errors = {f"one_shot_error{of}" for of in ("", "_contexts", "_pixels", "_hausdorff")}
    assert set(record["scores"]) == errors | SYNTHESIS
    scores = {name: score["value"] for name, score in record["scores"].items()}
    assert scores["one_shot_error"] == scores["one_shot_error_contexts"]
    assert scores["one_shot_error_hausdorff"] < 0.05  # queries are classes, moved by a pixel
    assert record["experiment"] == "omniglot-small2-statistician"
    assert record["command"].startswith(
        "python -m experiments.omniglot --part small2 --model statistician --preset smoke"
    )


def test_pairs_are_of_known_characters_and_hands_and_no_fit_sees_them(data):
    config = replace(with_part(PRESETS["smoke"], "small2"), held_pairs=0.1)
    images = images_of(config, data)
    known, pairs = images.known, images.pairs
    assert pairs.num_items == round(0.1 * 36) and known.num_items == 36 - pairs.num_items
    items = training_items(known, config)
    count = known.num_items
    assert items.num_items == 8 * count
    shown = {item.tobytes() for item in items.items}
    assert not shown & {item.tobytes() for item in pairs.items}
    assert items.sizes == {"character": 48, "hand": 96}
    np.testing.assert_array_equal(items.items[count], np.rot90(known.items[0]))
    np.testing.assert_array_equal(items.items[5 * count], np.rot90(known.items[0])[:, ::-1])
    assert items.factors["hand"][count] == f"{known.factors['hand'][0]} turned 1"
    assert items.factors["hand"][5 * count] == f"{known.factors['hand'][0]} turned 1 mirrored"
    sources = sources_of(known, pairs, 2)
    assert sources.characters.shape == sources.hands.shape == (pairs.num_items, 2, 12, 12)
    rows = {item.tobytes(): row for row, item in enumerate(known.items)}
    for k, part in enumerate((sources.characters, sources.hands)):
        for pair, source in zip(sources.wanted, part, strict=True):
            own = known.columns(CONTEXTS)[[rows[item.tobytes()] for item in source]]
            assert (own[:, k] == pair[k]).all() and (own[:, 1 - k] != pair[1 - k]).all()


def test_syntheses_are_right_where_the_judges_find_the_pair(data):
    images = images_of(with_part(PRESETS["smoke"], "small2"), data)
    sources, values = sources_of(images.known, images.pairs, 1), images.pairs.columns(CONTEXTS)
    marker = {item.tobytes(): pair for item, pair in zip(images.pairs.items, values, strict=True)}
    other = np.array([-1, -1])

    def read(x, wanted):
        np.testing.assert_array_equal(wanted, values)
        found = np.stack([marker.get(one.tobytes(), other) for one in x.reshape(-1, 12, 12)])
        return found.reshape(*x.shape[:2], 2)

    made = np.repeat(images.pairs.items[:, None], 2, axis=1)
    scores = synthesis_scores(made, sources, images.pairs, read)
    assert scores["synthesis_joint"][:2] == (1.0, 1.0)
    assert scores["floor_joint"].value == scores["floor_hand"].value == 0.0
    made[0, 1] = made[1, 1]
    share = 1 - 0.5 / len(made)
    assert synthesis_scores(made, sources, images.pairs, read)["synthesis_joint"].value == share


def test_the_reader_joins_a_character_and_the_hand_of_all_that_were_made_in_it(monkeypatch):
    asked = []

    class Hands:
        def read(self, images, characters, hands):
            asked.append((images, characters, hands))
            return 10 * hands + len(asked)

    monkeypatch.setattr(synthesis, "predict", lambda _, x: x[..., :1, 0].astype(int))
    images, wanted = np.arange(6.0).reshape(3, 2, 1, 1), np.array([[0, 1], [1, 2], [2, 1]])
    found = synthesis.reader(None, Hands())(images, wanted)
    np.testing.assert_array_equal(found[..., 0], [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(found[..., 1], [[11, 12], [21, 22], [11, 12]])
    for n, (of_one, characters, hands) in enumerate(asked):
        np.testing.assert_array_equal(of_one, images[:, n])
        np.testing.assert_array_equal(characters, [0, 1, 2])
        np.testing.assert_array_equal(hands, [1, 2, 1])


def test_the_statistician_has_the_learner_s_networks_steps_and_numbers():
    for preset in PRESETS.values():
        own, learner = with_model(preset, "statistician"), preset.model
        assert own.training == preset.training
        for name in ("encoder", "decoder", "likelihood", "hidden"):
            assert getattr(own.model, name) == getattr(learner, name)
        numbers = own.model.context_dim + own.model.latent_dim
        assert numbers == 2 * learner.context_dim + learner.latent.dim


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--data-dir: none; accepted: the directory with Omniglot's zips"),
        ("--data-dir .", "images_background_small1.zip: no such file"),
        ("--part small3", "--part small3: accepted are small1, small2, background"),
        ("--held-pairs 1", "held_pairs must be between 0 and 1: got 1"),
        ("--character-sets 0", "character_sets must be positive"),
        ("--likelihood-samples 0 1", "likelihood_samples (0, 1); accepted: (contexts, latents)"),
        ("--views -1", "views must be at least 0"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_an_unknown_alphabet_is_refused(data, capsys):
    flags = ["--preset", "smoke", "--data-dir", str(data), "--held-back", "Zz"]
    assert main(flags) == 2
    assert "factor 'alphabet': value 'Zz'; accepted: Aa, Bb, Cc" in said(capsys)
