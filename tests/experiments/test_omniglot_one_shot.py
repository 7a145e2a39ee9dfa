"""One-shot classification on constructed posteriors, and what a model is asked."""

import jax
import numpy as np
import pytest

from cal_jax.data.omniglot_runs import OneShotRuns
from cal_jax.data.warp import WarpRange
from cal_jax.errors import InputError
from cal_jax.evaluation.constant_posteriors import Moments
from cal_jax.evaluation.predictive import predictive_log_likelihoods
from cal_jax.inference.trained import untrained
from experiments.omniglot import one_shot
from experiments.omniglot.config import PRESETS
from experiments.omniglot.images import VIEWS, turned
from experiments.omniglot.models import CHARACTER, Learner, model_of, moments_of_views

RNG = np.random.default_rng(0)


def test_the_error_is_of_queries_in_rows():
    affinity = np.array([[[3.0, 1, 0], [5, 4, 0], [5, 0, 6]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]])
    assert one_shot.error(affinity) == pytest.approx(1 / 6)
    assert one_shot.error(affinity.swapaxes(1, 2)) == pytest.approx(1 / 6)
    assert one_shot.error(affinity[:1, [2, 0, 1]]) == 1.0
    assert one_shot.error(np.zeros((1, 4, 4))) == 0.75  # ties are no answers
    for wrong in (np.zeros((2, 3)), np.zeros((1, 2, 3)), np.full((1, 2, 2), np.nan)):
        with pytest.raises(InputError, match=r"accepted: \[R, V, V\], numbers"):
            one_shot.error(wrong)


def test_kl_of_contexts_by_hand_and_in_its_direction():
    """Of N(0, 1) or N(1, 4) as classes, the query N(0.2, 1) or N(2, 4)."""
    classes = Moments(np.array([[[0.0], [1.0]]]), np.log([[[1.0], [4.0]]]))
    queries = Moments(np.array([[[0.2], [2.0]]]), np.log([[[1.0], [4.0]]]))

    def kl(mean, variance, of_mean, of_variance):
        ratio = variance / of_variance
        return 0.5 * (ratio - 1 - np.log(ratio) + (mean - of_mean) ** 2 / of_variance)

    expected = -np.array([[kl(0, 1, 0.2, 1), kl(1, 4, 0.2, 1)], [kl(0, 1, 2, 4), kl(1, 4, 2, 4)]])
    np.testing.assert_allclose(one_shot.by_contexts(classes, queries)[0], expected, rtol=1e-5)


def test_the_direction_of_the_kl_decides_an_answer():
    """A query at its own class's mean is far less sure than it; in the other direction the KL
    would take the other class."""
    classes = Moments(np.array([[[3.0], [0.0]]]), np.log([[[1.0], [0.01]]]))
    queries = Moments(np.array([[[3.0], [0.0]]]), np.log([[[1.0], [1.0]]]))
    assert one_shot.error(one_shot.by_contexts(classes, queries)) == 0.0
    assert one_shot.error(one_shot.by_contexts(queries, classes).swapaxes(1, 2)) == 0.5


def test_both_weighs_the_likelihood_and_the_weight_is_that_of_least_error():
    contexts = np.array([[[0.0, 1.0], [0.0, 1.0]]])
    likelihoods = np.array([[[0.0, -20.0], [-20.0, 0.0]]])
    np.testing.assert_allclose(
        one_shot.both(contexts, likelihoods, 0.1), [[[0.0, -1.0], [-2.0, 1.0]]]
    )
    assert one_shot.best_weight(contexts, likelihoods) == 0.1
    assert one_shot.best_weight(-likelihoods.swapaxes(1, 2), contexts) == 0.0


def test_distances_of_images():
    ink = RNG.random((2, 3, 9, 9)) < 0.3
    runs = OneShotRuns(ink, np.roll(ink, 1, axis=-1) & np.roll(ink, 1, axis=-1))
    assert one_shot.error(one_shot.by_pixels(OneShotRuns(ink.astype(float), ink * 0.9))) == 0.0
    moved = np.zeros((2, 3, 15, 15), bool)
    moved[..., 2:11, 4:13] = runs.classes
    still = np.zeros_like(moved)
    still[..., :9, :9] = runs.classes
    affinity = one_shot.by_hausdorff(OneShotRuns(moved, still))
    np.testing.assert_allclose(affinity[:, np.arange(3), np.arange(3)], 0, atol=1e-9)
    assert one_shot.error(affinity) == 0.0
    assert affinity[0, 0, 1] < 0


@pytest.fixture(name="learner", scope="module")
def untrained_learner():
    """A learner whose contexts decide what it draws."""
    model = model_of(PRESETS["smoke"])
    key = jax.random.key(1)
    variables = jax.tree.map(
        lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), untrained(model)
    )
    return Learner(model, variables, (2, 3))


def test_a_query_is_scored_given_the_image_of_each_class(learner):
    runs = OneShotRuns(*RNG.random((2, 1, 3, 12, 12)).astype(np.float32))
    key = jax.random.key(2)
    found = learner.log_likelihoods(key, runs)
    assert found.shape == (1, 3, 3)
    expected = predictive_log_likelihoods(
        learner.model,
        learner.variables,
        key,
        runs.classes[0, :1, None],
        runs.queries,
        CHARACTER,
        np.ones(1, np.float32),
        contexts=2,
        latents=3,
    )
    np.testing.assert_allclose(found[0, :, 0], expected[0], rtol=1e-4)
    assert np.abs(found[0, 0] - found[0, 0, 0]).max() > 1e-3


def test_moments_are_of_each_image_and_averaged_over_views(learner):
    images = RNG.random((3, 12, 12)).astype(np.float32)
    plain = learner.moments(images)
    assert plain.mean.shape == plain.log_variance.shape == (3, 4)
    alone = learner.moments(images[1:2])
    np.testing.assert_allclose(plain.mean[1:2], alone.mean, atol=1e-5)
    key = jax.random.key(0)
    still = moments_of_views(learner, images, 2, WarpRange(), key)
    np.testing.assert_allclose(still.mean, plain.mean, atol=1e-3)
    moved = moments_of_views(learner, images, 2, WarpRange(shift=0.2), key)
    assert np.abs(moved.mean - plain.mean).max() > 1e-3
    none = moments_of_views(learner, images, 0, WarpRange(shift=0.2), key)
    np.testing.assert_array_equal(none.log_variance, plain.log_variance)


def test_turned_views_stand_side_by_side_and_their_kls_add_up(learner):
    runs = OneShotRuns(*RNG.random((2, 1, 3, 12, 12)).astype(np.float32))
    key, still = jax.random.key(0), WarpRange()

    def moments(images, turned):
        found = moments_of_views(learner, images, 0, still, key, turned=turned)
        return Moments(*(part[None] for part in found))

    classes, queries = (moments(part[0], True) for part in runs)
    assert classes.mean.shape == classes.log_variance.shape == (1, 3, 32)
    total = 0.0
    for view in turned(runs.classes), turned(runs.queries):
        assert len(view) == len(VIEWS)
    for one, other in zip(turned(runs.classes), turned(runs.queries), strict=True):
        alone = (moments(np.ascontiguousarray(part[0]), False) for part in (one, other))
        total = total + one_shot.by_contexts(*alone)
    np.testing.assert_allclose(one_shot.by_contexts(classes, queries), total, rtol=1e-4)
    # Both turned alike are compared as both upright.
    upside_down = (moments(np.rot90(part[0], 2, axes=(1, 2)).copy(), True) for part in runs)
    np.testing.assert_allclose(one_shot.by_contexts(*upside_down), total, rtol=1e-4)
