"""Adaptation to a speaker and its baselines, on speakers made up so that the answer is known."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cal_jax.distributions import standard_gaussian
from cal_jax.errors import InputError
from cal_jax.inference.trained import TrainedLearner
from cal_jax.observations import NormalItems
from experiments.vowels import adaptation, baselines, speakers
from experiments.vowels.speakers import Labelled

VOWELS, DIM = 5, 3
NOISE = 0.05


class Additive(nn.Module):
    """x ~ N(speaker + vowel + slope z, NOISE): the contexts are in the items' own units."""

    slope: float = 0.0

    @property
    def config(self):
        """What adaptation asks a learner's config for."""
        return SimpleNamespace(num_contexts=2)

    def generative(self):
        """The callables of a learner."""

        def likelihood(z, contexts):
            mean = contexts.sum(axis=1) + self.slope * z
            return NormalItems(1, mean, jnp.full_like(mean, np.log(NOISE)))

        return SimpleNamespace(
            likelihood=likelihood, latent_prior=lambda c: standard_gaussian((len(c), 1))
        )


def made_up(seed, count, offset=3.0):
    """Speakers whose offsets are as large as their vowels are apart: [S, V, n, D]."""
    rng = np.random.default_rng(seed)
    vowels = 2.0 * np.random.default_rng(7).normal(size=(VOWELS, DIM))
    centres = vowels + offset * rng.normal(size=(count, 1, DIM))
    centres = centres + 0.1 * rng.normal(size=(count, VOWELS, DIM))
    return centres[:, :, None] + 0.2 * rng.normal(size=(count, VOWELS, 6, DIM))


def flat(cells):
    """Cells as labelled items, in an order that says nothing of the vowels."""
    speaker, vowel, _ = np.indices(cells.shape[:3]).reshape(3, -1)
    order = np.random.default_rng(1).permutation(len(speaker))
    return Labelled(cells.reshape(-1, DIM)[order], speaker[order], vowel[order])


TRAIN = flat(made_up(0, 8))
UNHEARD = [flat(made_up(seed, 1)) for seed in (1, 2, 3)]


def accuracy(classify):
    return np.mean([classify(TRAIN, one.x) == one.vowel for one in UNHEARD])


def contexts_of(cells):
    """Posterior means of an ideal encoder: all in the vowel's context; [S, V, 2 * D]."""
    means = cells.mean(axis=2)
    return np.concatenate([np.zeros_like(means), means], axis=-1)


def test_adaptation_names_vowels_where_the_nearest_neighbour_fails():
    train = made_up(0, 8)
    directions = speakers.moments_of(*TRAIN).directions
    prior = adaptation.speaker_prior(contexts_of(made_up(9, 200)), directions)
    trained = TrainedLearner(Additive(), {}, 6)
    x = np.stack([one.x for one in UNHEARD])
    starts = adaptation.starts_of(prior, contexts_of(train))
    assert starts.shape == (25, 1 + 2 + VOWELS, 2 * DIM)
    found = adaptation.adapt(trained, prior, x, starts, jax.random.key(0), steps=100)
    named = adaptation.vowel_probabilities(found, 1.0).argmax(axis=-1)
    right = (named == np.stack([one.vowel for one in UNHEARD])).mean()
    assert right > 0.97
    assert accuracy(baselines.nearest) < 0.8


def test_the_bound_is_the_evidence_where_q_is_exact():
    """One vowel, an offset alone: the posterior of e is Gaussian, in closed form."""
    variance, items = 2.0, 4
    x = np.random.default_rng(0).normal(size=(items, 1)) + 1.0
    prior = adaptation.SpeakerPrior(
        jnp.zeros((1, 2)),
        jnp.zeros((1, 0)),
        jnp.diag(jnp.array([np.sqrt(variance), 0.0])),
        jnp.zeros((2, 2)),
        jnp.zeros((2, 2)),
    )
    precision = 1.0 + items * variance / NOISE
    mean = np.zeros((2, 2), np.float32)
    mean[0, 0] = np.sqrt(variance) * x.sum() / NOISE / precision
    scale = np.ones((2, 2), np.float32)
    scale[0, 0] = precision**-0.5
    q = (jnp.asarray(mean), jnp.log(scale))
    bound, shares = adaptation.adaptation_bound(
        jax.random.key(0),
        Additive().generative(),
        q,
        prior,
        jnp.asarray(x, jnp.float32),
        contexts=2,
        samples=4_000,
    )
    evidence = multivariate_normal(np.zeros(items), NOISE * np.eye(items) + variance).logpdf(
        x[:, 0]
    )
    assert float(bound) == pytest.approx(evidence, abs=0.06)
    np.testing.assert_array_equal(shares, np.ones((items, 1)))


def test_z_is_integrated():
    """A linear decoder: x ~ N(c, NOISE + slope^2) of each number."""
    contexts = jnp.asarray(np.random.default_rng(0).normal(size=(VOWELS, 2, 1)), jnp.float32)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(4, 1)), jnp.float32)
    found = adaptation.log_likelihoods(Additive(slope=0.7).generative(), contexts, x)
    centres = np.asarray(contexts.sum(axis=1))
    variance = NOISE + 0.7**2
    exact = -0.5 * ((x - centres.T) ** 2 / variance + np.log(2 * np.pi * variance))
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_coordinates_are_the_inverse_of_contexts():
    rng = np.random.default_rng(0)
    directions = speakers.moments_of(*TRAIN).directions
    roots = (np.diag([3.0, 2.0]), np.diag([1.0, 2.0]), np.diag([0.5, 1.0]))
    prior = adaptation.SpeakerPrior(rng.normal(size=(VOWELS, 2)), directions, *roots)
    contexts = prior.contexts(0.5 * rng.normal(size=(1 + 2 + VOWELS, 2)))
    (e,) = prior.coordinates(np.asarray(contexts)[None])
    assert np.abs(e).max() < adaptation.FARTHEST
    np.testing.assert_allclose(prior.contexts(e), contexts, atol=1e-5)
    (far,) = prior.coordinates(np.asarray(contexts)[None] + 100.0)
    np.testing.assert_allclose(far[0], adaptation.FARTHEST)


def test_optima_are_weighed_by_their_bounds():
    shares = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    found = adaptation.Adapted(np.array([-3.0, -3.0 - 2.0 * np.log(4.0)]), shares)
    np.testing.assert_allclose(adaptation.vowel_probabilities(found, 2.0), [[0.8, 0.2]])


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("nearest", 0.3, 0.8),
        ("lda", 0.2, 0.8),
        ("normalised_lda", 0.97, 1.0),
        ("gaussian", 0.97, 1.0),
    ],
)
def test_baselines_adapt_or_fail_to(name, least, most):
    assert least <= accuracy(baselines.BASELINES[name]) <= most


def test_the_bilinear_model_follows_a_style():
    """Speakers that scale the contents: the mean style is near enough to start from."""
    contents = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    rng = np.random.default_rng(0)
    styles = np.eye(2) + 0.3 * rng.normal(size=(9, 2, 2))
    cells = np.einsum("sdj,vj->svd", styles, contents)[:, :, None]
    cells = cells + 0.05 * rng.normal(size=(9, 4, 6, 2))
    speaker, vowel, _ = np.indices(cells.shape[:3]).reshape(3, -1)
    x, train = cells.reshape(-1, 2), speaker < 8
    labelled = Labelled(x[train], speaker[train], vowel[train])
    assert (baselines.bilinear(labelled, x[~train]) == vowel[~train]).all()


def test_the_nearest_item_and_standardised_speakers_by_hand():
    train = Labelled(np.array([[0.0], [2.0], [10.0], [14.0]]), np.array([0, 0, 1, 1]), np.arange(4))
    assert baselines.nearest(train, np.array([[1.2], [9.0]])).tolist() == [1, 2]
    x = np.array([[0.0], [2.0], [10.0], [14.0]] * 3) + np.repeat([[0.0], [0.1], [0.2]], 4, axis=0)
    pair = Labelled(x, np.array([0, 0, 1, 1] * 3), np.array([0, 1, 0, 1] * 3))
    assert baselines.normalised_discriminant(pair, np.array([[90.0], [110.0]])).tolist() == [0, 1]


def test_drawn_speakers_have_the_moments_they_are_drawn_from():
    moments = speakers.moments_of(*TRAIN)
    drawn = speakers.drawn_speakers(np.random.default_rng(0), moments, speakers=4_000, items=2)
    cells = drawn.items.reshape(4_000, VOWELS, 2, DIM)
    means = cells.mean(axis=2).reshape(4_000, -1)
    own = moments.covariance + np.kron(np.eye(VOWELS), moments.noise / 2)
    np.testing.assert_allclose(means.mean(axis=0), moments.mean.ravel(), atol=0.25)
    np.testing.assert_allclose(np.cov(means.T), own, atol=0.08 * own.max())
    within = (cells - cells.mean(axis=2, keepdims=True)).reshape(-1, DIM)
    np.testing.assert_allclose(2 * within.T @ within / len(within), moments.noise, atol=0.005)


def test_scaling_makes_the_spread_of_a_vowel_alike_in_all_directions():
    scaling = speakers.scaling_of(*TRAIN)
    scaled = TRAIN._replace(x=scaling(TRAIN.x))
    means = speakers.cell_means(*scaled)
    apart = scaled.x - means[scaled.speaker, scaled.vowel]
    found = apart.T @ apart / (len(apart) - 8 * VOWELS)
    np.testing.assert_allclose(found, speakers.SPREAD**2 * np.eye(DIM), atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TRAIN.speaker == 0, "1 training speaker; accepted: 2 or more"),
        ((TRAIN.speaker > 0) | (TRAIN.vowel > 0), "a training speaker lacks a vowel"),
    ],
)
def test_speakers_that_have_no_moments_are_refused(rows, message):
    with pytest.raises(InputError, match=message):
        speakers.moments_of(*(column[rows] for column in TRAIN))
