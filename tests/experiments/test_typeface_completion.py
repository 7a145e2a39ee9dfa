"""Completion of typefaces: what methods may see, the scores, and each baseline by hand."""

import numpy as np
import pytest

from cal_jax.errors import InputError
from experiments.typefaces.baselines import bilinear, mean_glyph, nearest_face
from experiments.typefaces.completion import (
    Completion,
    chosen,
    completed,
    completion_of,
    completion_scores,
)

RNG = np.random.default_rng(0)
LETTERS, SIDE = 5, 16


def faces(count, styles=3, seed=1):
    """Faces that are linear in a few styles, with levels between 0 and 1: [F, L, H, W]."""
    basis = np.random.default_rng(7).random((styles, LETTERS, SIDE, SIDE))
    mixed = np.random.default_rng(seed).dirichlet(np.ones(styles), size=count)
    return np.einsum("fs,slhw->flhw", mixed, basis).astype(np.float32)


def test_the_given_letters_are_a_choice_by_seed_and_the_rest_is_asked():
    truth = faces(6)
    task = completion_of(truth, 2, seed=3)
    assert task.given.shape == (6, 2) and task.asked.sum() == 6 * (LETTERS - 2)
    for face, letters in enumerate(task.given):
        assert len(set(letters)) == 2 and not task.asked[face, letters].any()
        np.testing.assert_array_equal(task.glyphs[face], truth[face, letters])
    np.testing.assert_array_equal(completion_of(truth, 2, seed=3).given, task.given)
    assert (completion_of(truth, 2, seed=4).given != task.given).any()
    for count in (0, LETTERS):
        with pytest.raises(InputError, match=f"given {count} of 5 letters; accepted: 1 to 4"):
            completion_of(truth, count, seed=0)


def test_only_the_letters_that_were_asked_are_scored():
    task = completion_of(faces(4), 2, seed=0)

    def draw(glyphs, given):
        assert glyphs.shape == (4, 2, SIDE, SIDE)
        drawn = task.faces.copy()
        drawn[np.arange(4)[:, None], given] = 0.0
        return drawn

    scores = completion_scores("truth", task, completed(task, draw))
    assert scores["truth_ssim_2"].value == pytest.approx(1.0)
    assert scores["truth_rmse_2"].value == scores["truth_l1_2"].value == 0.0


def test_scores_of_a_known_error():
    truth = np.full((2, LETTERS, SIDE, SIDE), 0.5, np.float32)
    wrong = truth + np.array([0.1, -0.3], np.float32)[:, None, None, None]
    task = completion_of(truth, 1, 0)
    scores = completion_scores("off", task, wrong)
    assert scores["off_rmse_1"].value == pytest.approx(0.2, rel=1e-5)
    assert scores["off_l1_1"].value == pytest.approx(0.2, rel=1e-5)
    beyond = completion_scores("beyond", task, completed(task, lambda *_: 7 * truth))
    assert beyond["beyond_rmse_1"].value == pytest.approx(0.5, rel=1e-5)  # levels end at 1


def test_the_mean_glyph_and_the_nearest_face():
    train, task = faces(8), completion_of(faces(8)[2:4] + 1e-3, 2, 0)
    drawn = mean_glyph(train)(task.glyphs, task.given)
    np.testing.assert_allclose(drawn[1], train.mean(axis=0), rtol=1e-6)
    copied = nearest_face(train)(task.glyphs, task.given)
    np.testing.assert_array_equal(copied, train[2:4])


def test_the_bilinear_model_completes_faces_that_are_linear_in_the_training_ones():
    train, test = faces(12), faces(5, seed=2)
    task = completion_of(test, 2, 0)
    drawn = bilinear(train)(1e-4)(task.glyphs, task.given)
    np.testing.assert_allclose(drawn, test, atol=5e-3)
    shrunk = bilinear(train)(1e6)(task.glyphs, task.given)
    np.testing.assert_allclose(shrunk[0], train.mean(axis=0), atol=1e-3)


def test_the_bilinear_model_is_the_ridge_regression_by_scikit_learn():
    from sklearn.linear_model import Ridge

    train, face = RNG.random((6, LETTERS, 4, 4)).astype(np.float32), RNG.random((LETTERS, 4, 4))
    given, mean = np.array([3, 1]), train.mean(axis=0)
    apart = (train - mean[None])[:, given].reshape(6, -1)
    fit = Ridge(alpha=0.7, fit_intercept=False).fit(apart.T, (face - mean)[given].reshape(-1))
    want = mean + np.tensordot(fit.coef_, train - mean[None], 1)
    drawn = bilinear(train)(0.7)(face[given][None], given[None])
    np.testing.assert_allclose(drawn[0], want, atol=1e-4)


def test_the_ridge_is_chosen_on_the_letters_that_validation_asks_for():
    train = faces(12)
    noisy = faces(5, seed=2) + 0.3 * RNG.normal(size=(5, LETTERS, SIDE, SIDE)).astype(np.float32)
    clean = completion_of(faces(5, seed=2), 2, 0)
    assert chosen(bilinear(train), (1e-4, 1e4), clean) == 1e-4
    # Given letters are noise, so their fit is worth nothing to the others.
    given = clean.given
    mixed = np.broadcast_to(train.mean(axis=0), clean.faces.shape).copy()
    rows = np.arange(5)[:, None]
    mixed[rows, given] = noisy[rows, given]
    assert chosen(bilinear(train), (1e-4, 1e4), Completion(mixed, given)) == 1e4
