"""Relaxed and straight-through labels: densities, limits, conditional noise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln

from cal_jax.errors import InputError
from cal_jax.objectives.label_samples import (
    concrete,
    exp_concrete_log_prob,
    gumbel_given_choice,
    gumbel_rao,
    most_probable,
    sampled,
    straight_through_gumbel,
)
from cal_jax.objectives.label_schedules import label_temperature, label_weights

LOGITS = jnp.log(jnp.array([0.5, 0.3, 0.2]))
MANY = 8000


def samples_of(function, count=MANY, seed=0):
    values = jax.jit(jax.vmap(function))(jax.random.split(jax.random.key(seed), count))
    return jax.tree.map(lambda value: np.asarray(value, np.float64), values)


def test_the_density_is_the_thesis_s_of_the_relaxed_sample():
    """(6.11) as it is printed, in float64, is the ExpConcrete density over prod y."""
    temperature = 0.7
    y = np.asarray(concrete(jax.random.key(0), LOGITS, temperature).choice, np.float64)
    pi = np.exp(np.asarray(LOGITS, np.float64))
    ratio = pi * y ** (-temperature - 1) / np.sum(pi * y**-temperature)
    printed = gammaln(3) + 2 * np.log(temperature) + np.sum(np.log(ratio))
    got = exp_concrete_log_prob(jnp.log(y), LOGITS + 2.0, temperature)
    np.testing.assert_allclose(got - np.sum(np.log(y)), printed, rtol=1e-4)


def test_the_density_of_two_labels_integrates_to_one():
    """Over u = log(y / (1 - y)): the ExpConcrete density, as dy/du / (y (1 - y)) = 1."""
    u = jnp.linspace(-60.0, 60.0, 4001)
    log_y = jnp.stack([jax.nn.log_sigmoid(u), jax.nn.log_sigmoid(-u)], axis=1)
    logits = jnp.array([0.8, -0.3])
    over_y = jax.vmap(lambda y, t: exp_concrete_log_prob(y, logits, t), in_axes=(0, None))
    over_temperatures = jax.jit(jax.vmap(over_y, in_axes=(None, 0)))
    density = np.exp(over_temperatures(log_y, jnp.array([0.4, 1.0, 2.0])))
    np.testing.assert_allclose(np.trapezoid(density, u, axis=1), 1.0, atol=1e-3)


def test_the_log_ratio_of_densities_stays_finite_where_the_sample_underflows():
    """At a low temperature the relaxed label is 0 in float32; its logarithm is not."""
    logits, prior, temperature = jnp.array([40.0, -40.0, 0.0]), jnp.zeros(3), 0.05

    def log_ratio(logits):
        choice, log_choice = concrete(jax.random.key(1), logits, temperature)
        ratio = exp_concrete_log_prob(log_choice, logits, temperature)
        return ratio - exp_concrete_log_prob(log_choice, prior, temperature), choice

    (value, choice), gradient = jax.jit(jax.value_and_grad(log_ratio, has_aux=True))(logits)
    assert np.min(choice) == 0.0
    assert np.isfinite(value) and np.all(np.isfinite(gradient))


def test_the_relaxed_kl_is_positive_and_zero_at_the_prior():
    def log_ratio(key, logits, prior):
        log_choice = concrete(key, logits, 0.6).log_choice
        ratio = exp_concrete_log_prob(log_choice, logits, 0.6)
        return ratio - exp_concrete_log_prob(log_choice, prior, 0.6)

    uniform = jnp.zeros(3)
    different, same = samples_of(
        lambda key: (log_ratio(key, LOGITS, uniform), log_ratio(key, LOGITS, LOGITS + 1.0))
    )
    assert different.mean() > 5 * different.std() / np.sqrt(MANY)
    np.testing.assert_allclose(same, 0.0, atol=1e-5)


def test_a_low_temperature_makes_the_relaxed_choice_one_hot_and_a_high_one_even():
    cold, hard, hot = samples_of(
        lambda key: (
            concrete(key, LOGITS, 1e-3).choice,
            straight_through_gumbel(key, LOGITS, 1e-3),
            concrete(key, LOGITS, 1e3).choice,
        ),
        count=500,
    )
    assert np.mean(np.abs(cold - hard).max(axis=1) < 1e-3) > 0.99
    np.testing.assert_allclose(hot, 1 / 3, atol=0.02)


def test_straight_through_choices_are_one_hot_and_drawn_as_the_categorical():
    draws = samples_of(
        lambda key: (
            straight_through_gumbel(key, LOGITS, 0.5),
            gumbel_rao(key, LOGITS, 0.5, inner_samples=2),
            sampled(key, LOGITS),
        )
    )
    want = np.exp(np.asarray(LOGITS))
    for choice in draws:
        assert np.all((choice == 0) | (choice == 1)) and np.all(choice.sum(axis=1) == 1)
        assert np.all(np.abs(choice.mean(axis=0) - want) < 5 * choice.std(axis=0) / np.sqrt(MANY))
    np.testing.assert_array_equal(most_probable(LOGITS), [1.0, 0.0, 0.0])


def test_noise_given_the_choice_gives_the_choice_and_is_gumbel_altogether():
    """Averaged over choices the conditional noise is plain: mean 0.577, variance pi^2 / 6."""

    def one(key):
        key_choice, key_noise = jax.random.split(key)
        choice = sampled(key_choice, LOGITS)
        noise = gumbel_given_choice(key_noise, LOGITS, choice, 1)[0]
        return most_probable(LOGITS + noise) - choice, noise

    difference, noise = samples_of(one)
    assert np.all(difference == 0)
    error = noise.std(axis=0) / np.sqrt(MANY)
    assert np.all(np.abs(noise.mean(axis=0) - np.euler_gamma) < 5 * error)
    np.testing.assert_allclose(noise.var(axis=0), np.pi**2 / 6, rtol=0.1)
    correlation = np.corrcoef(noise.T)
    for first, second in itertools.combinations(range(3), 2):
        assert abs(correlation[first, second]) < 5 / np.sqrt(MANY)


def test_rao_keeps_the_mean_gradient_and_loses_variance_the_more_it_averages():
    """For a curved function of the choice (Paulus et al. 2020, proposition 1)."""
    slope, curve = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.3, 1.0, -1.0])

    def function(choice):
        return jnp.sum(slope * choice) + jnp.sum(curve * choice) ** 2

    def one(key):
        def straight(logits):
            return function(straight_through_gumbel(key, logits, 0.5))

        def rao(logits, inner_samples):
            return function(gumbel_rao(key, logits, 0.5, inner_samples=inner_samples))

        few, many = jax.grad(rao)(LOGITS, 1), jax.grad(rao)(LOGITS, 20)
        return jax.grad(straight)(LOGITS), few, many

    straight, few, many = samples_of(one)
    for gradient in (few, many):
        error = np.hypot(straight.std(axis=0), gradient.std(axis=0)) / np.sqrt(MANY)
        assert np.all(np.abs(gradient.mean(axis=0) - straight.mean(axis=0)) < 5 * error)
    trace = [gradient.var(axis=0).sum() for gradient in (straight, few, many)]
    np.testing.assert_allclose(trace[1], trace[0], rtol=0.1)  # one draw given D is one draw
    assert trace[2] < 0.8 * trace[0]


def test_the_temperature_falls_from_one_to_a_half_at_the_end():
    """Decision 19, and the exponential of Jang et al.'s schedule in between."""
    got = [float(label_temperature(step, 1000)) for step in (0, 500, 1000, 2000)]
    np.testing.assert_allclose(got, [1.0, 0.5**0.5, 0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(label_temperature(10, 10, lowest=0.1), 0.1, rtol=1e-6)


def test_the_thesis_s_weights_start_heavy_and_fall_slowly():
    start, later = label_weights(0), label_weights(10)
    omega = 1 + 100 * 0.95**10
    for name in ("kl_latent", "kl_varying", "kl_constant"):
        np.testing.assert_allclose([start.of(name), later.of(name)], [101.0, omega], rtol=1e-6)
    of_label = [start.of("kl_label"), later.of("kl_label")]
    np.testing.assert_allclose(of_label, [1 / 101, 1 / omega], rtol=1e-6)
    assert start.reconstruction == 1.0


@pytest.mark.parametrize(
    ("steps", "lowest", "message"),
    [(0, 0.5, "steps must be at least 1"), (10, 0.0, "lowest must be above 0")],
)
def test_bad_schedules_are_named(steps, lowest, message):
    with pytest.raises(InputError, match=message):
        label_temperature(0, steps, lowest=lowest)


def test_noise_given_a_choice_is_finite_in_millions_of_draws():
    """In float32 an exponential waiting time may be 0; one such draw ends a training run."""
    logits = jnp.array([0.3, -0.2])

    @jax.jit
    def extremes(key):
        noise = gumbel_given_choice(key, logits, jnp.array([1.0, 0.0]), 2**23)
        return jnp.min(noise), jnp.max(noise)

    found = [extremes(key) for key in jax.random.split(jax.random.key(0), 3)]
    assert np.all(np.isfinite(found))
