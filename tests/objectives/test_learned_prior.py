"""p(a) as the running mean of responsibilities, on any devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.learned_prior import LearnedPrior, initial_prior, update_prior

SHARES = jax.nn.softmax(jax.random.normal(jax.random.key(0), (8, 3)) + jnp.array([[2.0, 0, 0]]))


def test_early_batches_count_alike_and_later_ones_by_the_decay():
    prior, batches = initial_prior(3), []
    np.testing.assert_allclose(jnp.exp(prior.log_prior), 1 / 3, rtol=1e-6)
    for shift in range(3):
        batches.append(np.roll(SHARES, shift, axis=1))
        prior = update_prior(prior, jnp.asarray(batches[-1]), decay=0.9)
    want = np.mean([np.full(3, 1 / 3), *(batch.mean(axis=0) for batch in batches)], axis=0)
    np.testing.assert_allclose(jnp.exp(prior.log_prior), want, rtol=1e-5)
    assert int(prior.batches) == 3
    late = LearnedPrior(prior.log_prior, jnp.int32(1_000))
    moved = update_prior(late, SHARES, decay=0.9)
    np.testing.assert_allclose(
        jnp.exp(moved.log_prior), 0.9 * want + 0.1 * SHARES.mean(axis=0), rtol=1e-5
    )


def test_it_tends_to_the_mean_and_no_share_becomes_0():
    shares = jnp.asarray(np.eye(3, dtype=np.float32)[[0, 0, 0, 1]])
    prior, step = initial_prior(3), jax.jit(update_prior)
    for _ in range(2_000):
        prior = step(prior, shares)
    np.testing.assert_allclose(jnp.exp(prior.log_prior), [0.75, 0.25, 0], atol=1e-3)
    assert np.isfinite(prior.log_prior).all()


def test_it_is_the_same_on_every_device_and_moves_no_responsibility():
    halves = SHARES.reshape(2, 4, 3)
    update = jax.vmap(
        lambda shares: update_prior(initial_prior(3), shares, axes=("device",)),
        axis_name="device",
    )
    whole = update_prior(initial_prior(3), SHARES)
    for of_device in update(halves).log_prior:
        np.testing.assert_allclose(of_device, whole.log_prior, rtol=1e-5)
    gradient = jax.grad(lambda x: update_prior(initial_prior(3), x).log_prior[0])(SHARES)
    np.testing.assert_array_equal(gradient, 0)


def test_other_shapes_and_decays_are_refused():
    with pytest.raises(InputError, match=r"shares must have shape \[B, 3\]"):
        update_prior(initial_prior(3), SHARES[:, :2])
    with pytest.raises(InputError, match="decay must be at least 0 and below 1"):
        update_prior(initial_prior(3), SHARES, decay=1.0)
