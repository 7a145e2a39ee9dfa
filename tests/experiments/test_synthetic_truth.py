"""The Bayes posterior of synthetic sets against brute force and against the truth."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from cal_jax.data.synthetic import (
    EXPONENTIAL,
    FAMILIES,
    LAPLACIAN,
    MIXTURE,
    REVERSE_EXPONENTIAL,
    synthetic_sets,
)
from cal_jax.metrics.neighbours import r2
from experiments.synthetic_sets.truth import exact_posterior, log_density


def reference_pdf(family, x, m, v):
    """The densities of the four families in float64, as SciPy has them."""
    scale = np.sqrt(v)
    if family == MIXTURE:
        width = np.sqrt(0.19 * v)
        left = scipy.stats.norm.pdf(x, m - 0.9 * scale, width)
        return 0.5 * (left + scipy.stats.norm.pdf(x, m + 0.9 * scale, width))
    if family == LAPLACIAN:
        return scipy.stats.laplace.pdf(x, m, scale / np.sqrt(2))
    if family == EXPONENTIAL:
        return scipy.stats.expon.pdf(x, m - scale, scale)
    return scipy.stats.expon.pdf(-x, -m - scale, scale)


def brute_force(x, num_points):
    """Family probabilities, means of m and v, and log evidence, on a grid of midpoints."""
    midpoints = (np.arange(num_points) + 0.5) / num_points
    m, v = (-1 + 2 * midpoints)[:, None], (0.5 + 1.5 * midpoints)[None, :]
    joint = np.stack(
        [
            np.prod([reference_pdf(family, item, m, v) for item in x], axis=0)
            for family in range(len(FAMILIES))
        ]
    )
    evidence = joint.mean()
    weights = joint / joint.sum()
    return weights.sum((1, 2)), (weights * m).sum(), (weights * v).sum(), np.log(evidence)


@functools.cache
def two_hundred_sets():
    sets = synthetic_sets(np.random.default_rng(3), 200, 200)
    return sets, jax.tree.map(np.asarray, exact_posterior(jnp.asarray(sets.x)))


SMALL = np.array(
    [
        [-0.4, 0.1, 1.3],
        [1.9, 2.4, 2.2],  # m near its upper bound
        [-1.5, -1.6, -1.2],
        [0.0, 0.01, -0.02],
        [6.0, 6.5, 7.0],  # so far out that no reverse exponential reaches it
    ]
)


def test_posterior_of_three_items_agrees_with_brute_force():
    posterior = exact_posterior(jnp.asarray(SMALL, jnp.float32)[..., None])
    for index, x in enumerate(SMALL):
        families, mean, variance, log_evidence = brute_force(x, 500)
        assert posterior.family_probabilities[index] == pytest.approx(families, abs=2e-3)
        assert posterior.mean[index] == pytest.approx(mean, abs=4e-3)
        assert posterior.variance[index] == pytest.approx(variance, abs=2e-3)
        assert posterior.log_evidence[index] == pytest.approx(log_evidence, abs=6e-3)
    assert posterior.family_probabilities[4, REVERSE_EXPONENTIAL] == 0


def test_posterior_of_no_possible_exponential_is_finite():
    posterior = exact_posterior(jnp.array([[[-8.0], [8.0]]], jnp.float32))
    assert all(np.isfinite(field).all() for field in posterior)
    assert posterior.family_probabilities[0, [EXPONENTIAL, REVERSE_EXPONENTIAL]].tolist() == [0, 0]


def test_mirrored_sets_have_mirrored_posteriors():
    x = jnp.asarray(SMALL, jnp.float32)[..., None]
    one, other = (jax.tree.map(np.asarray, exact_posterior(sign * x)) for sign in (1, -1))
    swapped = other.family_probabilities[:, [0, 1, 3, 2]]
    assert one.family_probabilities == pytest.approx(swapped, abs=1e-5)
    assert one.mean == pytest.approx(-other.mean, abs=1e-5)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-4)


def test_family_probabilities_sum_to_one():
    _, posterior = two_hundred_sets()
    assert posterior.family_probabilities.shape == (200, 4)
    assert posterior.family_probabilities.sum(1) == pytest.approx(np.ones(200), abs=1e-4)


def test_two_hundred_items_tell_the_family_the_mean_and_the_variance():
    sets, posterior = two_hundred_sets()
    assert np.array_equal(posterior.family_probabilities.argmax(1), sets.family)
    assert r2(posterior.mean, sets.mean) == pytest.approx(0.99, abs=0.004)
    assert r2(posterior.variance, sets.variance) == pytest.approx(
        0.90, abs=0.04
    )  # R^2 of 200 sets: s.d. 0.015
    assert r2(posterior.mean, sets.mean) > r2(sets.x.mean((1, 2)), sets.mean)
    assert r2(posterior.variance, sets.variance) > r2(sets.x.var((1, 2)), sets.variance)


def test_classifier_is_as_sure_as_it_is_right():
    sets = synthetic_sets(np.random.default_rng(1), 1500, 8)
    posterior = exact_posterior(jnp.asarray(sets.x))
    probabilities = np.asarray(posterior.family_probabilities)
    correct = np.mean(probabilities.argmax(1) == sets.family)
    assert 0.4 < correct < 0.95
    assert probabilities.max(1).mean() == pytest.approx(correct, abs=0.03)


@pytest.mark.parametrize("family", range(len(FAMILIES)))
def test_density_is_that_of_the_family(family):
    x = np.linspace(-3, 3, 41)
    mean, variance = 0.3, 0.8
    with np.errstate(divide="ignore"):
        expected = np.log(reference_pdf(family, x, mean, variance))
    found = log_density(
        jnp.asarray(x, jnp.float32)[None, :, None],
        jnp.array([family]),
        jnp.array([mean]),
        jnp.array([variance]),
    )
    assert found.shape == (1, 41)
    assert np.isneginf(expected).any() == (family in (EXPONENTIAL, REVERSE_EXPONENTIAL))
    assert found[0] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_mean_log_density_is_minus_the_entropy():
    sets = synthetic_sets(np.random.default_rng(2), 2000, 200)
    found = np.asarray(log_density(sets.x, sets.family, sets.mean, sets.variance))
    assert np.isfinite(found).all()
    s = np.linspace(-6, 6, 20_001)
    pdf = reference_pdf(MIXTURE, s, 0.0, 1.0)
    mixture = scipy.integrate.trapezoid(-pdf * np.log(pdf), s)
    standard = np.array([mixture, 1 + 0.5 * np.log(2), 1.0, 1.0])
    entropy = standard[sets.family] + 0.5 * np.log(sets.variance)
    for family in range(len(FAMILIES)):
        surplus = (-found.mean(1) - entropy)[sets.family == family]
        assert surplus.mean() == pytest.approx(0, abs=0.015)


def test_evidence_of_a_set_lies_below_its_true_density():
    sets, posterior = two_hundred_sets()
    density = log_density(sets.x, sets.family, sets.mean, sets.variance).sum(1)
    gap = np.asarray(density - posterior.log_evidence).mean() / 200
    assert gap == pytest.approx(0.0315, abs=0.003)  # nats per item: log 4 / 200 and m, v
