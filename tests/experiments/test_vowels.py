"""The vowels as their users run them, on a small file of the published form."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from cal_jax.data.factor_dataset import FactorDataset
from cal_jax.data.vowels import FILE, WORDS, read_vowels
from cal_jax.errors import InputError
from cal_jax.inference import weights
from cal_jax.inference.trained import TrainedLearner, untrained
from cal_jax.models.components.likelihoods import Bernoulli
from cal_jax.models.context_aware.config import Latent, named
from cal_jax.models.context_aware.learner import ContextAwareLearner
from experiments.common.factor_study import Splits
from experiments.results.record import read_run
from experiments.vowels import PRESETS, baselines, main, pipeline
from experiments.vowels.baselines import BASELINES
from tests.stderr import said

POISON = 100.0
"""Added to the items of test speakers: whatever is fitted on one shows it."""


def rows_of_speakers():
    """Three speakers of training and two of test say each word six times."""
    rng = np.random.default_rng(0)
    of_speaker, of_word = rng.normal(size=(15, 10)), 2 * rng.normal(size=(11, 10))
    for speaker in (0, 1, 7, 8, 14):
        for word in range(11):
            for _ in range(6):
                x = of_speaker[speaker] + of_word[word] + 0.1 * rng.normal(size=10)
                x = x + POISON * (speaker > 7)
                numbers = " ".join(f"{value:.3f}" for value in x)
                yield f"{int(speaker > 7)} {speaker} {speaker % 2} {numbers} {word:2d}"


def write(folder, rows):
    (folder / FILE).write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(name="data", scope="module")
def small_file(tmp_path_factory):
    """A folder with the file."""
    return write(tmp_path_factory.mktemp("data"), rows_of_speakers())


class Fitted:
    """What a run fits: each array of items, and the names of those that fitted them."""

    def __init__(self, patch):
        self.items, self.by = [], set()
        self.watch_training(patch)
        for name, classify in BASELINES.items():
            patch.setitem(BASELINES, name, self.watched(name, classify))
        patch.setattr(pipeline, "learning_of", self.watched("learning", pipeline.learning_of))

    def add(self, name, items):
        self.by.add(name)
        self.items.append(np.asarray(items))

    def watched(self, name, function):
        def watching(train, *args):
            self.add(name, train.x)
            return function(train, *args)

        return watching

    def watch_training(self, patch):
        fit_runs = pipeline.fit_runs

        def watching(runs, what, **identity):
            self.add("learner", what.sets(0).dataset.items)
            return fit_runs(runs, what, **identity)

        patch.setattr(pipeline, "fit_runs", watching)


@pytest.fixture(name="smoke", scope="module")
def smoke_run(data, tmp_path_factory):
    """The folder of a finished run, and what it fitted."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    flags = ["--preset", "smoke", "--data-dir", str(data), "--devices", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "STEPS", 2)
        fitted = Fitted(patch)
        assert main([*flags, "--run-dir", str(folder)]) == 0
    return folder, fitted


def test_a_run_leaves_scores_figures_weights_and_one_page(smoke):
    folder, _ = smoke
    run = read_run(folder)
    methods = {"vowel", *BASELINES}
    assert set(run["scores"]) == {
        *(f"{name}_accuracy" for name in methods),
        "chance",
        "elbo_per_item",
    }
    by_speaker = run["details"]["accuracy_by_speaker"]
    for name in methods:
        value = run["scores"][f"{name}_accuracy"]["value"]
        assert set(by_speaker[name]) == {"8", "14"}
        assert value == pytest.approx(np.mean(list(by_speaker[name].values())))
    assert run["command"] == ("python -m experiments.vowels --preset smoke --data-dir DIR --seed 0")
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "Speakers 8, 14 are scored (test speakers)" in page
    trained = weights.load(folder / weights.FILE)
    assert trained.names == ("speaker", "vowel") and trained.model.event_shape == (10,)


def test_no_test_speaker_reaches_a_fit(smoke):
    _, fitted = smoke
    assert fitted.by == {"learner", "learning", *BASELINES}
    assert all(np.abs(items).max() < POISON / 2 for items in fitted.items)


def test_predictions_do_not_depend_on_labels_of_test_speakers(data, monkeypatch):
    monkeypatch.setattr(baselines, "STEPS", 2)
    config = PRESETS["smoke"]
    train, test = read_vowels(data)
    turned = np.roll(test.factors["vowel"], 5)
    relabelled = FactorDataset(
        test.items, {**test.factors, "vowel": turned}, value_names=test.value_names
    )
    learning = pipeline.learning_of(pipeline.labelled(train))
    model = ContextAwareLearner(config.model, (10,))
    learner = TrainedLearner(model, untrained(model), config.set_size)
    key = jax.random.key(0)
    (found, truth), (again, other) = (
        pipeline.named_vowels(config, [learner], learning, Splits(train, part, "", ""), key)
        for part in (test, relabelled)
    )
    assert (truth != other).any()
    assert set(found) == {"vowel", *BASELINES}
    for name, vowels in found.items():
        np.testing.assert_array_equal(vowels, again[name])


def test_the_file_s_flags_split_the_speakers(data):
    train, test = read_vowels(data)
    assert (train.num_items, test.num_items) == (198, 132)
    speakers = [np.unique(part.factors["speaker"]).tolist() for part in (train, test)]
    assert speakers == [["0", "1", "7"], ["14", "8"]]
    first = next(rows_of_speakers()).split()
    np.testing.assert_array_equal(train.items[0], np.array(first[3:-1], np.float32))
    assert train.value_names["vowel"] == WORDS and train.factors["vowel"][0] == "heed"
    assert {tuple(row) for row in np.stack([test.factors[n] for n in ("speaker", "sex")], 1)} == {
        ("8", "male"),
        ("14", "male"),
    }


def test_configs_are_chosen_on_training_speakers(data, monkeypatch):
    seen = []
    monkeypatch.setattr(pipeline, "run", lambda request: seen.append(pipeline.splits_of(request)))
    assert main(["--data-dir", str(data), "--validation", "7"]) == 0
    (splits,) = seen
    assert set(splits.train.factors["speaker"]) == {"0", "1"}
    assert set(splits.test.factors["speaker"]) == {"7"}
    assert splits.evaluated_on == "held-back training speakers"
    assert PRESETS["cpu"].validation == ()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("likelihood", Bernoulli(), "model.likelihood must be Normal: got Bernoulli"),
        ("latent", Latent(1), "model.latent.prior must be Standard: got LearnedGaussian"),
        ("contexts", named("vowel", "speaker"), "model.contexts must be speaker, vowel: got"),
    ],
)
def test_a_model_that_cannot_adapt_is_refused(field, value, message):
    smoke = PRESETS["smoke"]
    with pytest.raises(InputError, match=message):
        replace(smoke, model=replace(smoke.model, **{field: value}))


@pytest.mark.parametrize(
    ("field", "message"),
    [("learners", "learners must be at least 1"), ("temperature", "temperature must be positive")],
)
def test_a_number_that_cannot_be_is_refused(field, message):
    with pytest.raises(InputError, match=message):
        replace(PRESETS["smoke"], **{field: 0})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 1 0 1.0 2", "row 3: 5 fields; accepted: 14"),
        ("0 15 0 1 2 3 4 5 6 7 8 9 10 3", "row 3: speaker '15'; accepted: 0 to 14"),
        ("2 1 0 1 2 3 4 5 6 7 8 9 10 3", "row 3: the train or test flag '2'; accepted: 0 to 1"),
        ("0 1 0 1 2 3 4 5 6 7 8 9 10 11", "row 3: vowel '11'; accepted: 0 to 10"),
        ("0 1 1.0 1 2 3 4 5 6 7 8 9 10 3", "row 3: sex '1.0'; accepted: 0 to 1"),
        ("0 1 0 1 x 3 4 5 6 7 8 9 10 3", "row 3: parameter 2 'x'; accepted: a finite number"),
        ("0 1 0 1 2 3 4 5 6 7 8 9 nan 3", "row 3: parameter 10 'nan'; accepted: a finite number"),
    ],
)
def test_a_bad_row_is_named_with_its_file(tmp_path, row, message, capsys):
    rows = [*rows_of_speakers()][:2]
    write(tmp_path, [*rows, row])
    assert main(["--data-dir", str(tmp_path)]) == 2
    assert said(capsys) == f"error: {tmp_path / FILE}, {message}\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "--data-dir: none; accepted: the directory with vowel-context.data"),
        ("--data-dir .", "vowel-context.data: No such file"),
        ("--held-back 3", "Unrecognized options: --held-back"),
    ],
)
def test_other_input_ends_in_one_line(flags, message, capsys):
    assert main(flags.split()) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1


def test_a_file_of_one_split_is_refused(tmp_path, capsys):
    write(tmp_path, [*rows_of_speakers()][:99])
    assert main(["--data-dir", str(tmp_path)]) == 2
    assert "rows of one flag; accepted: of 0, train, and of 1, test" in said(capsys)


def test_the_cpu_preset_takes_ten_real_numbers():
    model = PRESETS["cpu"].model
    model.sizes((10,))
    model.likelihood.check(np.full((1, 10), -3.5, np.float32), "items")
