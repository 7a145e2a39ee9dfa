"""Likelihoods: normalised, sampled as they are scored, finite at extremes, strict on items."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import log_prob, sample
from cal_jax.errors import InputError
from cal_jax.models.components.likelihoods import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Normal,
)

SHAPE = (2, 3)
"""X: six numbers whose parameters differ."""
DRAWS = 40_000


def outputs_of(likelihood, scale=1.0):
    """Outputs of a decoder for one item: [1, *parameter_shape]."""
    shape = (1, *likelihood.parameter_shape(SHAPE))
    return jnp.asarray(scale * np.random.default_rng(0).normal(size=shape), jnp.float32)


def logistic_outputs(*log_scales):
    """Outputs of these scales, at locations inside and outside the range of the levels."""
    loc = np.array([-1.5, -1.0, -0.3, 0.1, 1.0, 4.0]).reshape(SHAPE)
    return [
        jnp.asarray(np.stack([loc, np.full(SHAPE, log_scale)], axis=-1)[None], jnp.float32)
        for log_scale in log_scales
    ]


def scores_of_numbers(likelihood, outputs, values):
    """Nats of each of these values [V] for every number of one item: [V, *X]."""
    numbers = outputs.reshape(-1, *likelihood.parameter_shape((1,)))
    rows = jnp.broadcast_to(values[:, None, None], (len(values), len(numbers), 1))
    return log_prob(likelihood(numbers, 1), rows).reshape(len(values), *SHAPE)


DISCRETE = {
    "bernoulli": (Bernoulli(), 2, [outputs_of(Bernoulli(), scale) for scale in (1, 50)]),
    "categorical": (Categorical(5), 5, [outputs_of(Categorical(5), scale) for scale in (1, 50)]),
    "logistic-256": (DiscretizedLogistic(), 256, logistic_outputs(-20, -7, -3, 0, 6, 95)),
    "logistic-16": (DiscretizedLogistic(16), 16, logistic_outputs(-20, -2, 0.5)),
    "logistic-2": (DiscretizedLogistic(2), 2, logistic_outputs(-1)),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_the_probabilities_of_all_values_sum_to_one(name):
    likelihood, count, many = DISCRETE[name]
    values = jnp.arange(count, dtype=jnp.float32)
    scores = jax.jit(lambda outputs: scores_of_numbers(likelihood, outputs, values))
    for outputs in many:
        total = np.exp(np.asarray(scores(outputs), np.float64)).sum(axis=0)
        np.testing.assert_allclose(total, 1.0, atol=3e-4)


@pytest.mark.parametrize("name", DISCRETE)
def test_values_are_drawn_as_often_as_they_are_probable(name):
    likelihood, count, many = DISCRETE[name]
    values, outputs = jnp.arange(count, dtype=jnp.float32), many[(len(many) - 1) // 2]

    @jax.jit
    def both(outputs):
        draws = sample(likelihood(outputs, 2), jax.random.key(0), (DRAWS,))
        return draws, scores_of_numbers(likelihood, outputs, values)

    draws, scores = both(outputs)
    assert draws.shape == (DRAWS, 1, *SHAPE)
    often = np.stack([np.sum(draws[:, 0] == value, axis=0) for value in range(count)])
    np.testing.assert_array_equal(often.sum(axis=0), DRAWS)  # no other value is drawn
    probable = np.exp(np.asarray(scores, np.float64))
    assert np.all(np.abs(often / DRAWS - probable) < 5 * np.sqrt(probable / DRAWS) + 2e-4)


@pytest.mark.parametrize("likelihood", [Normal(), Normal(scale=0.3)], ids=["learned", "fixed"])
def test_a_normal_density_integrates_to_one_and_is_that_of_its_draws(likelihood):
    outputs = outputs_of(likelihood, scale=3.0)  # beyond the range of the log variance
    grid = jnp.linspace(-60.0, 60.0, 24_001)

    @jax.jit
    def probe(outputs):
        draws = sample(likelihood(outputs, 2), jax.random.key(0), (DRAWS,))
        return scores_of_numbers(likelihood, outputs, grid), draws, likelihood(outputs, 2).mean()

    scores, draws, mean = (np.asarray(array, np.float64) for array in probe(outputs))
    density, at = np.exp(scores), np.asarray(grid, np.float64)[:, None, None]
    np.testing.assert_allclose(np.trapezoid(density, grid, axis=0), 1.0, rtol=1e-4)
    expected = np.trapezoid(density * at, grid, axis=0)
    spread = np.sqrt(np.trapezoid(density * (at - expected) ** 2, grid, axis=0))
    np.testing.assert_allclose(mean[0], expected, atol=1e-3)
    assert np.all(np.abs(draws[:, 0].mean(axis=0) - expected) < 5 * spread / np.sqrt(DRAWS))
    np.testing.assert_allclose(draws[:, 0].std(axis=0), spread, rtol=0.03)
    if likelihood.scale is not None:
        np.testing.assert_allclose(spread, likelihood.scale, rtol=1e-4)


@pytest.mark.parametrize(
    "likelihood", [Bernoulli(), Normal(), DiscretizedLogistic(), Categorical(5)]
)
def test_a_score_is_the_sum_over_an_event_and_its_batch_the_items(likelihood):
    outputs = jnp.concatenate([outputs_of(likelihood), 2 * outputs_of(likelihood)])
    values = jnp.array([0.0, 1.0])
    x = jnp.asarray(np.random.default_rng(1).integers(2, size=(2, *SHAPE)), jnp.float32)
    distribution = likelihood(outputs, 2)
    assert (distribution.batch_shape, distribution.event_shape) == ((2,), SHAPE)
    score = distribution.log_prob(x)
    for n in range(2):
        each = scores_of_numbers(likelihood, outputs[n : n + 1], values)
        want = np.where(x[n] == 1, each[1], each[0]).sum()
        np.testing.assert_allclose(score[n], want, rtol=1e-5)


EXTREMES = (-1e6, -100.0, -8.0, 0.0, 8.0, 100.0, 1e6)


@pytest.mark.parametrize(
    ("likelihood", "values"),
    [
        (Bernoulli(), (0.0, 1.0)),
        (Normal(), (-1e3, 0.0, 1e3)),
        (Normal(scale=1e-2), (-1e3, 0.0, 1e3)),
        (DiscretizedLogistic(), (0.0, 1.0, 128.0, 254.0, 255.0)),
        (DiscretizedLogistic(smallest_log_scale=-30.0), (0.0, 1.0, 128.0, 254.0, 255.0)),
        (Categorical(3), (0.0, 2.0)),
    ],
)
def test_scores_and_their_gradients_are_finite_at_extremes(likelihood, values):
    size = likelihood.parameter_shape((1,))
    width = int(np.prod(size))
    combinations = np.stack(np.meshgrid(*[EXTREMES] * width), axis=-1).reshape(-1, *size)
    outputs = jnp.asarray(combinations, jnp.float32)

    @jax.jit
    def probe(outputs, value):
        def score(outputs):
            x = jnp.broadcast_to(value, (len(outputs), 1))
            return likelihood(outputs, 1).log_prob(x)

        return score(outputs), jax.grad(lambda outputs: score(outputs).sum())(outputs)

    for value in values:
        for found in probe(outputs, value):
            assert np.all(np.isfinite(found))


def test_a_pixel_far_from_its_location_pulls_the_location_towards_it():
    def score(loc, value):
        outputs = jnp.stack([loc, jnp.full_like(loc, -5.0)], axis=-1)
        return DiscretizedLogistic()(outputs, 1).log_prob(jnp.full((1, 1), value))[0]

    pull = jax.jit(jax.grad(score))
    for value, direction in ((255.0, 1), (200.0, 1), (3.0, -1), (0.0, -1)):
        assert direction * pull(jnp.zeros((1, 1)), value)[0, 0] > 10


def test_the_mean_is_what_a_figure_shows():
    logits = jnp.asarray([[[0.1, 3.0, -1.0], [2.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(Categorical(3)(logits, 1).mean(), [[1, 0]])
    outputs = jnp.asarray([[[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]]])
    np.testing.assert_array_equal(DiscretizedLogistic()(outputs, 1).mean(), [[0, 127.5, 255]])
    np.testing.assert_allclose(Bernoulli()(jnp.zeros((1, 2)), 1).mean(), [[0.5, 0.5]])


def test_a_log_variance_outside_its_range_is_clamped():
    outputs = jnp.asarray([[[0.0, -50.0], [0.0, 50.0]]])
    distribution = Normal(log_variance_range=(-2.0, 1.0))(outputs, 1)
    np.testing.assert_array_equal(distribution.log_variance, [[-2.0, 1.0]])


@pytest.mark.parametrize("scale", [None, 0.3])
def test_unit_means_are_the_sigmoid_and_the_scale_is_untouched(scale):
    outputs = jnp.asarray([[[-50.0, 0.4], [0.0, -0.2], [2.0, 0.1]]])
    outputs = outputs if scale is None else outputs[..., 0]
    bounded = Normal(scale=scale, unit_means=True)(outputs, 1)
    plain = Normal(scale=scale)(outputs, 1)
    np.testing.assert_allclose(bounded.mean()[0], [0.0, 0.5, 1 / (1 + np.exp(-2))], atol=1e-6)
    at_means = [one.log_prob(one.mean()) for one in (bounded, plain)]
    np.testing.assert_allclose(*at_means, rtol=1e-6)


def test_encoders_read_levels_between_minus_one_and_one_and_categories_as_indicators():
    levels = jnp.array([[0.0, 127.5, 255.0]])
    np.testing.assert_allclose(DiscretizedLogistic().network_input(levels), [[-1, 0, 1]])
    np.testing.assert_allclose(DiscretizedLogistic(2).network_input(jnp.eye(2)), 2 * np.eye(2) - 1)
    categories = jnp.array([[2.0, 0.0]])
    np.testing.assert_array_equal(
        Categorical(3).network_input(categories), [[[0, 0, 1], [1, 0, 0]]]
    )
    for likelihood in (Bernoulli(), Normal()):
        np.testing.assert_array_equal(likelihood.network_input(levels), levels)


@pytest.mark.parametrize(
    ("likelihood", "values", "message"),
    [
        (Bernoulli(), [0, 0.5], "items: values from 0 to 0.5; accepted: 0 and 1, for a Bernoulli"),
        (Bernoulli(), [1, np.nan], "items: values from nan to nan; accepted: 0 and 1"),
        (Normal(), [0, np.inf], "items: a value of inf; accepted: finite numbers, for a Normal"),
        (
            DiscretizedLogistic(),
            [256, 3],
            "a value of 256.0; accepted: whole levels 0 to 255",
        ),
        (
            DiscretizedLogistic(16),
            [0, -1],
            "a value of -1.0; accepted: whole levels 0 to 15",
        ),
        (DiscretizedLogistic(), [0.5, 3], "items: a value of 0.5; accepted: whole levels"),
        (DiscretizedLogistic(), [3, np.nan], "items: a value of nan; accepted: whole levels"),
        (Categorical(3), [1, 3], "items: a value of 3.0; accepted: whole numbers 0 to 2"),
        (Categorical(3), [1, 1.5], "items: a value of 1.5; accepted: whole numbers 0 to 2"),
    ],
)
def test_items_without_a_probability_are_refused_by_their_first_value(likelihood, values, message):
    with pytest.raises(InputError, match=message) as error:
        likelihood.check(np.array([[0, 0], values], np.float64), "items")
    assert "\n" not in str(error.value)


def test_items_with_a_probability_are_accepted_whatever_their_type():
    Bernoulli().check(np.array([[True, False]]), "items")
    DiscretizedLogistic().check(np.array([[0, 255]], np.uint8), "items")
    Categorical(3).check(np.array([0, 2], np.int64), "items")
    Normal().check(np.array([-1e30, 3]), "items")
