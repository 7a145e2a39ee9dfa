"""Distributions and their divergences: all spellings of a Gaussian, broadcasting, honest fall-backs."""

import re
from types import SimpleNamespace

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import (
    as_distrax,
    bernoulli,
    categorical,
    diagonal_gaussian,
    full_gaussian,
    kl,
    log_prob,
    sample,
    standard_gaussian,
    triangular_gaussian,
)
from cal_jax.divergences import diagonal_gaussian_kl

MEAN, LOG_VARIANCE = jax.random.normal(jax.random.key(0), (2, 4, 3))


def spellings(mean, log_variance):
    scale = jnp.exp(0.5 * log_variance)
    covariance = jnp.vectorize(jnp.diag, signature="(c)->(c,c)")(scale**2)
    return {
        "ours": diagonal_gaussian(mean, log_variance),
        "independent": distrax.Independent(distrax.Normal(mean, scale), 1),
        "diag": distrax.MultivariateNormalDiag(mean, scale),
        "full": full_gaussian(mean, covariance),
        "triangular": triangular_gaussian(mean, jnp.sqrt(covariance)),
    }


@pytest.mark.parametrize("spelling_q", ["ours", "independent", "diag", "full", "triangular"])
@pytest.mark.parametrize("spelling_p", ["ours", "independent", "diag", "full", "triangular"])
def test_every_pair_of_spellings_has_the_closed_form(spelling_q, spelling_p):
    q = spellings(MEAN, LOG_VARIANCE)[spelling_q]
    p = spellings(0.5 * MEAN, 0.3 * LOG_VARIANCE)[spelling_p]
    divergence = kl(q, p, jnp.zeros((4, 3)))
    want = diagonal_gaussian_kl(MEAN, LOG_VARIANCE, 0.5 * MEAN, 0.3 * LOG_VARIANCE)
    assert divergence.exact
    np.testing.assert_allclose(divergence.nats, want, rtol=1e-4)


def test_two_diagonal_gaussians_need_no_matrix():
    def nats(mean):
        p = distrax.MultivariateNormalDiag(mean, jnp.ones_like(mean))
        return kl(diagonal_gaussian(mean, LOG_VARIANCE), p, mean).nats

    assert "cholesky" not in str(jax.make_jaxpr(nats)(MEAN))


def test_a_triangular_gaussian_against_a_diagonal_one_decomposes_nothing():
    scale = jnp.tile(jnp.array([[1.0, 0.0], [0.7, 0.5]]), (4, 1, 1))
    p = standard_gaussian((2,))

    def nats(mean):
        return kl(triangular_gaussian(mean, scale), p, mean).nats

    text = str(jax.make_jaxpr(nats)(MEAN[:, :2]))
    assert "cholesky" not in text and "triangular_solve" not in text


def test_draws_of_a_triangular_gaussian_have_its_covariance():
    scale = jnp.array([[1.0, 0.0], [0.7, 0.5]])
    q = triangular_gaussian(jnp.array([1.0, -2.0]), scale)
    draws = np.asarray(sample(q, jax.random.key(0), (20_000,)))
    np.testing.assert_allclose(draws.mean(axis=0), [1.0, -2.0], atol=0.03)
    np.testing.assert_allclose(np.cov(draws.T), scale @ scale.T, atol=0.04)


def test_a_prior_without_the_item_axis_is_broadcast():
    q = diagonal_gaussian(jnp.tile(MEAN, (5, 1, 1)), jnp.tile(LOG_VARIANCE, (5, 1, 1)))
    for p in (
        standard_gaussian((4, 3)),
        distrax.MultivariateNormalDiag(jnp.zeros((4, 3)), jnp.ones((4, 3))),
    ):
        for method in ("analytic", "monte_carlo"):
            nats = kl(q, p, q.sample(seed=jax.random.key(1)), method=method).nats
            assert nats.shape == (5, 4)


def test_monte_carlo_is_unbiased_and_says_that_it_is_an_estimate():
    q = diagonal_gaussian(MEAN[0], LOG_VARIANCE[0])
    p = standard_gaussian((3,))

    def one(key):
        return kl(q, p, q.sample(seed=key), method="monte_carlo").nats

    values = np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(2), 50_000)), np.float64)
    exact = kl(q, p, MEAN[0])
    assert exact.exact and not kl(q, p, MEAN[0], method="monte_carlo").exact
    assert abs(values.mean() - exact.nats) < 5 * values.std() / np.sqrt(values.size)


def test_a_pair_without_a_closed_form_falls_back_and_says_so():
    q = standard_gaussian((3,))
    mixture = distrax.MixtureSameFamily(
        distrax.Categorical(jnp.zeros(2)),
        distrax.MultivariateNormalDiag(jnp.zeros((2, 3)), jnp.ones((2, 3))),
    )
    sample = jnp.ones(3)
    divergence = kl(q, mixture, sample)
    assert not divergence.exact
    np.testing.assert_allclose(divergence.nats, 0.0, atol=1e-5)  # both components are q


def test_a_distribution_of_another_library_is_estimated():
    """One that has only a sample, a log_prob and its shapes."""
    foreign = SimpleNamespace(batch_shape=(), log_prob=lambda x: -jnp.sum(jnp.abs(x)))
    divergence = kl(foreign, standard_gaussian((3,)), jnp.zeros(3))
    assert not divergence.exact
    np.testing.assert_allclose(divergence.nats, 1.5 * np.log(2 * np.pi), rtol=1e-6)


def test_what_distrax_registers_is_used():
    q, p = distrax.Gamma(2.0, 3.0), distrax.Gamma(1.0, 1.0)
    divergence = kl(q, p, jnp.asarray(0.5))
    assert divergence.exact
    np.testing.assert_allclose(divergence.nats, q.kl_divergence(p), rtol=1e-6)
    assert kl(categorical(jnp.zeros(3)), categorical(jnp.ones(3)), jnp.zeros((), int)).exact


def test_bernoulli_scores_from_logits_and_sums_over_pixels():
    logits = jnp.array([[[200.0, -200.0], [1.0, -1.0]]])
    x = jnp.array([[[1.0, 0.0], [1.0, 0.0]]])
    want = 2 * jax.nn.log_sigmoid(1.0)
    distribution = bernoulli(logits, event_ndims=2)
    np.testing.assert_allclose(log_prob(distribution, x), [want], rtol=1e-6)
    wrong = log_prob(distribution, 1 - x)
    np.testing.assert_allclose(wrong, [-400 + 2 * jax.nn.log_sigmoid(-1.0)], rtol=1e-6)
    assert sample(distribution, jax.random.key(0)).dtype == jnp.float32


@pytest.mark.parametrize("logit", [-1e4, -100.0, -20.0, -0.3, 0.0, 0.3, 20.0, 100.0, 1e4])
@pytest.mark.parametrize("pixel", [0.0, 0.25, 1.0])
def test_bernoulli_scores_and_their_gradients_are_distrax_s(logit, pixel):
    def score(of):
        return jax.value_and_grad(lambda logits: log_prob(of(logits), jnp.full((1, 1), pixel))[()])

    def ours(logit):
        return bernoulli(jnp.reshape(logit, (1, 1)), event_ndims=2)

    def theirs(logit):
        return distrax.Independent(distrax.Bernoulli(logits=jnp.reshape(logit, (1, 1))), 2)

    for got, want in zip(score(ours)(logit), score(theirs)(logit), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=jnp.finfo(jnp.float32).eps)


def test_an_unknown_method_and_unlike_batches_are_refused():
    q = standard_gaussian((3,))
    with pytest.raises(ValueError, match="'analytic' or 'monte_carlo'"):
        kl(q, q, jnp.zeros(3), method="exact")
    with pytest.raises(ValueError, match="broadcast"):
        kl(standard_gaussian((4, 3)), standard_gaussian((5, 3)), jnp.zeros((4, 3)))


@pytest.mark.parametrize("sample_shape", [(), (5,), (2, 3)])
def test_a_gaussian_s_noise_is_distrax_s_drawn_as_one_vector(sample_shape):
    rng = np.random.default_rng(6)
    mean, log_variance = rng.normal(size=(2, 3, 2, 4)).astype(np.float32)

    def drawn(key):
        return sample(diagonal_gaussian(mean, log_variance), key, sample_shape)

    plain = distrax.Normal(mean, jnp.exp(0.5 * log_variance))
    with jax.numpy_rank_promotion("allow"):
        want = plain.sample(seed=jax.random.key(1), sample_shape=sample_shape)
    np.testing.assert_array_equal(drawn(jax.random.key(1)), want)
    program = jax.jit(drawn).lower(jax.random.key(0)).as_text()
    assert re.findall(r"erf_inv.*-> tensor<(\w+)>", program) == [f"{want.size}xf32"]


@pytest.mark.parametrize("moment", ["mean", "mode", "stddev", "variance", "entropy"])
def test_a_gaussian_has_the_moments_of_distrax_s(moment):
    ours = diagonal_gaussian(MEAN, LOG_VARIANCE)
    theirs = as_distrax(ours)
    assert isinstance(theirs, distrax.Independent)
    assert (ours.batch_shape, ours.event_shape) == (theirs.batch_shape, theirs.event_shape)
    got, want = getattr(ours, moment)(), getattr(theirs, moment)()
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_gaussian_scores_as_distrax_s_in_value_and_gradient():
    def score(mean, log_variance, *, convert):
        return jnp.sum(log_prob(convert(diagonal_gaussian(mean, log_variance)), MEAN + 0.7))

    def scores(convert):
        of = jax.value_and_grad(score, (0, 1))
        return of(0.5 * MEAN, LOG_VARIANCE, convert=convert)

    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5),
        scores(lambda one: one),
        scores(as_distrax),
    )


@pytest.mark.parametrize("moment", ["mean", "mode", "variance"])
def test_a_bernoulli_has_the_moments_and_draws_of_distrax_s(moment):
    ours = bernoulli(jax.random.normal(jax.random.key(3), (2, 4, 3)), event_ndims=2)
    theirs = as_distrax(ours)
    assert (ours.batch_shape, ours.event_shape) == (theirs.batch_shape, theirs.event_shape)
    got, want = getattr(ours, moment)(), getattr(theirs, moment)()
    np.testing.assert_allclose(got, want, rtol=1e-5)
    for shape in ((), (5,), (2, 3)):
        draws = [sample(one, jax.random.key(4), shape) for one in (ours, theirs)]
        np.testing.assert_array_equal(*draws)


def test_two_bernoullis_have_a_closed_form():
    logits = jax.random.normal(jax.random.key(5), (2, 4, 3))
    q, p = bernoulli(logits, 1), bernoulli(0.5 * logits, 1)
    divergence = kl(q, p, jnp.zeros((2, 4, 3)))
    probability = np.asarray(q.mean(), np.float64)
    other = np.asarray(p.mean(), np.float64)
    want = probability * np.log(probability / other)
    want += (1 - probability) * np.log((1 - probability) / (1 - other))
    assert divergence.exact
    np.testing.assert_allclose(divergence.nats, want.sum(axis=-1), rtol=1e-4, atol=1e-6)


def test_a_gaussian_and_a_bernoulli_cross_a_mapped_boundary():
    q = jax.vmap(lambda row: diagonal_gaussian(row, row))(MEAN)
    b = jax.vmap(lambda row: bernoulli(row, 1))(MEAN)
    assert (q.batch_shape, b.batch_shape, b.event_ndims) == ((4,), (4,), 1)
