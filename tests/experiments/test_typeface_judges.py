"""The judges of completed letters: which letters count, what is matched, what they learn from."""

from dataclasses import replace

import numpy as np
import pytest

from cal_jax.data.glyphs.embedded import embedded
from cal_jax.evaluation.oracle.train import OracleConfig
from experiments.typefaces import judges as judging
from experiments.typefaces.completion import completion_of
from experiments.typefaces.faces import levels
from experiments.typefaces.judges import (
    Judges,
    Reading,
    halves,
    judged,
    judges_of,
    letter_accuracy,
    retrieval,
)

FACES, LETTERS = 7, 12
TASK = completion_of(np.zeros((FACES, LETTERS, 8, 8), np.float32), 4, seed=0)
RNG = np.random.default_rng(0)


def test_only_asked_letters_are_read():
    letters = np.tile(np.arange(LETTERS), (FACES, 1))
    letters[~TASK.asked] = -1
    assert letter_accuracy(letters, TASK.asked) == 1.0
    row = np.flatnonzero(TASK.asked[2])[0]
    letters[2, row] += 1
    assert letter_accuracy(letters, TASK.asked) == pytest.approx(1 - 1 / TASK.asked.sum())


def test_the_halves_are_the_asked_letters_once_each():
    for face, (one, other) in enumerate(halves(TASK)):
        assert len(one) == len(other) == 4
        assert sorted([*one, *other]) == list(np.flatnonzero(TASK.asked[face]))
    again = halves(TASK)
    np.testing.assert_array_equal(again[3][0], halves(TASK)[3][0])
    assert any(tuple(of[0]) != tuple(again[0][0]) for of in again)


def test_a_face_is_found_by_the_style_of_its_drawn_letters_among_other_letters():
    """A style of its face and letter; given letters and the other half have none of their own."""
    own = RNG.normal(size=(FACES, 1, 5))
    by_letter = 3.0 * RNG.normal(size=(1, LETTERS, 5))
    real = own + 0.01 * by_letter
    drawn = np.full_like(real, 1e3)
    for face, (one, _) in enumerate(halves(TASK)):
        drawn[face, one] = real[face, one]
    assert retrieval(drawn, real, TASK) == 1.0
    wrong = real[[1, 0, 2, 3, 4, 5, 6]]
    assert retrieval(wrong, real, TASK) == pytest.approx(5 / 7)
    of_all = np.broadcast_to(real.mean(axis=0), real.shape)
    assert retrieval(of_all, real, TASK) <= 2 / 7


def test_a_drawn_glyph_is_not_compared_with_its_own_truth():
    """Styles that are a glyph's own, shared by no other letter of the face: chance."""
    real = RNG.normal(size=(FACES, LETTERS, 40))
    assert retrieval(real, real, TASK) <= 3 / 7


def test_scores_have_the_truth_s_as_ceilings(monkeypatch):
    real = Reading(
        np.tile(np.arange(LETTERS), (FACES, 1)),
        np.broadcast_to(np.eye(FACES)[:, None], (FACES, LETTERS, FACES)),
    )
    found = Reading(np.zeros_like(real.letters), real.styles[::-1])
    monkeypatch.setattr(judging, "read", lambda oracle, drawn: found)
    scores = judged("copy", TASK, TASK.faces, Judges(None, real))
    assert scores.keys() == {"copy_letter_4", "copy_retrieval_4"}
    assert scores["copy_letter_4"].value == TASK.asked[:, 0].sum() / TASK.asked.sum()
    assert scores["copy_retrieval_4"].value == pytest.approx(1 / 7)  # the middle one
    assert {score.ceiling for score in scores.values()} == {1.0}


def test_the_judges_learn_letters_and_faces_and_are_stored(tmp_path):
    glyphs = embedded().only("EIOS").take(np.array([0, 3, 60, 90]))
    train, config = levels(glyphs), OracleConfig(widths=(8, 32), steps=150, batch=32)
    made = judges_of(train, train, config, tmp_path, "digest")
    assert made.about["accuracy"]["letter"] > 0.9
    names = made.real.styles.argmax(axis=-1)
    assert (names == np.arange(4)[:, None]).mean() > 0.6
    np.testing.assert_allclose(np.linalg.norm(made.real.styles, axis=-1), 1.0, rtol=1e-5)
    (file,) = tmp_path.iterdir()
    again = judges_of(train, train, config, tmp_path, "digest")
    assert again.about == made.about and list(tmp_path.iterdir()) == [file]
    judges_of(train, train, replace(config, steps=2), tmp_path, "digest")
    assert len(list(tmp_path.iterdir())) == 2
