"""Letters held out of training: what is shown, what is scored, each baseline by hand, a run."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.data.glyphs.splits import split_families
from cal_jax.models.context_aware.learner import ContextAwareLearner
from cal_jax.training.factor_sets import FactorSets
from cal_jax.training.fit import fit
from experiments import typefaces_held_letters as study
from experiments.results.record import read_run
from experiments.typefaces.faces import levels, training_items
from experiments.typefaces.new_letter_learner import new_letter_method
from experiments.typefaces.new_letters import (
    Choice,
    Described,
    Faces,
    Method,
    as_it_is,
    choices_of,
    drawn_error,
    mean_example,
    nearest_example,
    new_letter_scores,
    ridge_of_faces,
    ridge_of_letters,
)
from experiments.typefaces_held_letters import PRESETS, main
from tests.experiments.marked_faces import marked, parts_of
from tests.stderr import said

RNG = np.random.default_rng(0)
SIDE, USUAL = 12, 6


def linear_faces(count, styles, seed):
    """Faces linear in a few styles, with one new letter, which is linear in them too."""
    basis = np.random.default_rng(7).random((styles, USUAL + 1, SIDE, SIDE))
    mixed = np.random.default_rng(seed).dirichlet(np.ones(styles), size=count)
    made = np.einsum("fs,slhw->flhw", mixed, basis).astype(np.float32)
    return Faces(made[:, :USUAL], made[:, USUAL:])


def test_each_letter_has_its_draws_of_examples():
    choices = choices_of(3, 20, 5, draws=2, seed=0)
    assert [letter for letter, _ in choices] == [0, 0, 1, 1, 2, 2]
    assert all(len(set(rows)) == 5 and max(rows) < 20 for _, rows in choices)
    assert len({tuple(rows) for _, rows in choices}) == 6


def test_an_example_s_own_glyph_is_not_scored_and_other_faces_are_all():
    faces = linear_faces(6, 3, 1)
    choice, shown = Choice(0, np.array([1, 4])), []

    def draw(strength, glyphs, examples, asked):
        shown.append((strength, glyphs, examples))
        drawn = faces.new[:, 0].copy()
        drawn[[1, 4]] += 0.5
        return drawn

    train = Described(faces.usual, faces.new)
    assert drawn_error(Method(as_it_is, draw), 3.0, train, train, [choice])[0] == 0.0
    np.testing.assert_array_equal(shown[0][1], faces.new[[1, 4], 0])
    np.testing.assert_array_equal(shown[0][2], faces.usual[[1, 4]])
    other = Described(faces.usual.copy(), faces.new.copy())
    assert drawn_error(Method(as_it_is, draw), 3.0, train, other, [choice])[0] > 0.1


def test_the_ridge_of_faces_draws_letters_that_are_linear_in_the_style():
    train, asked = linear_faces(8, 4, 1), linear_faces(5, 4, 2)
    found = ridge_of_faces(1e-6, train.new[:, 0], train.usual, asked.usual)
    np.testing.assert_allclose(found, asked.new[:, 0], atol=5e-3)
    shrunk = ridge_of_faces(1e9, train.new[:, 0], train.usual, asked.usual)
    np.testing.assert_allclose(shrunk[2], train.new[:, 0].mean(axis=0), atol=1e-4)


def test_the_ridge_of_letters_draws_letters_that_are_mixed_from_others():
    weights = RNG.normal(size=USUAL)
    examples, asked = RNG.random((5, USUAL, SIDE, SIDE)), RNG.random((3, USUAL, SIDE, SIDE))
    glyphs = np.einsum("u,fuhw->fhw", weights, examples)
    found = ridge_of_letters(1e-9, glyphs, examples, asked)
    np.testing.assert_allclose(found, np.einsum("u,fuhw->fhw", weights, asked), atol=1e-5)


def test_the_mean_and_the_nearest_example():
    examples, glyphs = RNG.random((3, USUAL, 4, 4)), RNG.random((3, 4, 4))
    asked = examples[[2, 0]] + 1e-3
    np.testing.assert_array_equal(nearest_example(0.0, glyphs, examples, asked), glyphs[[2, 0]])
    np.testing.assert_allclose(mean_example(0.0, glyphs, examples, asked)[1], glyphs.mean(axis=0))


def test_a_strength_is_chosen_on_validation_and_both_parts_are_scored():
    train, validation, scored = (linear_faces(8, 4, seed) for seed in (1, 2, 3))
    used = []

    def draw(strength, glyphs, examples, asked):
        used.append((strength, len(asked)))
        return np.full((len(asked), SIDE, SIDE), strength, np.float32)

    validation = validation._replace(new=np.full_like(validation.new, 0.7))
    parts = (train, validation._replace(usual=validation.usual[:3], new=validation.new[:3]), scored)
    choices = [Choice(0, np.array([0, 1]))]
    scores = new_letter_scores("flat", Method(as_it_is, draw), (0.2, 0.7, 0.9), *parts, choices)
    assert set(scores) == {f"flat_{of}_{p}" for of in ("rmse", "ssim") for p in ("known", "unseen")}
    assert used == [(0.2, 3), (0.7, 3), (0.9, 3), (0.7, 8), (0.7, 8)]


def test_a_run_hides_held_letters_and_scores_faces_that_nothing_was_fitted_on(
    tmp_path, monkeypatch
):
    seen = {}

    def spy(name, places):
        real = getattr(study, name)

        def watched(*args, **options):
            seen.setdefault(name, []).append([args[place] for place in places])
            return real(*args, **options)

        monkeypatch.setattr(study, name, watched)

    monkeypatch.setattr(study, "split_families", lambda glyphs: marked(split_families(glyphs)))
    spy("learner_sets", (1,))
    spy("new_letter_method", (1,))
    spy("new_letter_scores", (3, 4, 5))
    flags = ["--preset", "smoke", "--letters", "ABCDEFGHIJKL", "--most-faces", "3"]
    flags += ["--training.steps", "2", "--training.chunk-steps", "2", "--devices", "1"]
    assert main([*flags, "--held-letters", "EK", "--run-dir", str(tmp_path / "run")]) == 0
    ((items,),) = seen["learner_sets"]
    assert items.value_names["letter"] == tuple("ABCDFGHIJL") and parts_of(items.items) == {"train"}
    for (train,) in seen["new_letter_method"]:
        assert parts_of(train) == {"train"} and train.shape[1] == 10
    for parts in seen["new_letter_scores"]:
        assert [parts_of(faces.new) for faces in parts] == [{"train"}, {"validation"}, {"test"}]
        assert [parts_of(faces.usual) for faces in parts] == [{"train"}, {"validation"}, {"test"}]
    run = read_run(tmp_path / "run")
    methods = ("completion", "encoder", "ridge_faces", "ridge_letters", "copy", "mean")
    parts = ("known", "unseen")
    wanted = {f"{name}_{of}_{p}" for name in methods for of in ("rmse", "ssim") for p in parts}
    assert set(run["scores"]) == wanted
    assert run["command"].startswith("python -m experiments.typefaces_held_letters --preset smoke")


def test_the_learner_s_letter_is_that_of_the_examples_in_the_style_of_the_asked_face():
    """Against the learner's own contexts, put together by hand; a fit draws the examples better."""
    config = PRESETS["smoke"]
    glyphs = embedded().only("ABCDEFGHIJ").take(np.arange(9))
    items = training_items(glyphs.only("ABCDEFGHI"))
    model = ContextAwareLearner(config.model, items.event_shape)
    training = replace(config.training, steps=2, chunk_steps=2)
    trained = fit(model, FactorSets(items, set_size=4), config=training)
    usual, new = levels(glyphs)[:, :9], levels(glyphs)[:, 9]
    examples, asked = usual[:5], usual[5:]
    method = new_letter_method(trained, usual, fitted=False)
    styles, others = method.describe(examples), method.describe(asked)
    drawn = method.draw(math.inf, new[:5], styles, others)
    letter = trained.contexts(new[:5], constant=("letter",))["letter"]
    style = trained.contexts(asked[1], constant=("typeface",))["typeface"]
    want = trained.decode({"letter": letter, "typeface": style})[0]
    np.testing.assert_allclose(drawn[1], want, atol=1e-5)
    start, fitted = (method.draw(pull, new[:5], styles, styles) for pull in (math.inf, 0.0))
    assert np.square(fitted - new[:5]).mean() < np.square(start - new[:5]).mean()
    moved = new_letter_method(trained, usual, fitted=True).describe(asked)
    assert np.abs(moved - others).max() > 1e-3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--held-letters A1", "held_letters 'A1'; accepted: some of ABC"),
        ("--held-letters AA", "held_letters 'AA'; accepted"),
        ("--examples 1", "examples must be at least 2"),
        ("--known-faces 5", "known_faces 5; accepted: more than the 5 examples"),
    ],
)
def test_bad_flags_end_in_one_line(flags, message, capsys):
    assert main(["--preset", "smoke", *flags.split()]) == 2
    error = said(capsys)
    assert message in error and error.count("\n") == 1
