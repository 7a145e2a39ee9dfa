"""Labels used as often as the prior says, over a batch and over batches, on any devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.balance import (
    balanced_logits,
    initial_balance,
    sinkhorn_potential,
    update_balance,
)

LOG_PRIOR = jnp.log(jnp.array([0.5, 0.3, 0.2]))
SCORES = 4.0 * np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)


def shares_of(scores, potential):
    return np.exp(np.asarray(balanced_logits(jnp.asarray(scores), potential)))


def test_balanced_shares_average_to_the_prior_whatever_is_added_to_a_set_or_a_label():
    """A label that is worse by 50 nats in every set keeps its share: no collapse."""
    of_sets = 30.0 * np.random.default_rng(1).normal(size=(16, 1))
    shifted = (SCORES + of_sets + np.array([[0.0, -50.0, 20.0]])).astype(np.float32)
    shares = []
    for scores in (SCORES, shifted):
        potential = sinkhorn_potential(jnp.asarray(scores), LOG_PRIOR + 7.0)
        shares.append(shares_of(scores, potential))
        np.testing.assert_allclose(shares[-1].mean(axis=0), np.exp(LOG_PRIOR), atol=1e-3)
        np.testing.assert_allclose(jax.nn.logsumexp(potential), 0.0, atol=1e-5)
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-3)


def test_scores_that_need_no_balance_get_the_prior_itself():
    """Posteriors that average to p(a) with the prior are a fixed point."""
    prior = jnp.log(jnp.array([0.5, 0.5]))
    scores = jnp.array([[2.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(sinkhorn_potential(scores, prior), prior, atol=1e-5)
    balance = update_balance(initial_balance(prior), scores, prior)
    np.testing.assert_allclose(balance.potential, prior, atol=1e-5)


def test_an_average_leaves_an_uneven_batch_as_it_is():
    """12 sets of one label and 4 of the other: one batch forces 8 and 8, the average does not."""
    prior = jnp.log(jnp.array([0.5, 0.5]))
    even = 6.0 * np.eye(2, dtype=np.float32)[np.arange(16) % 2]
    uneven = 6.0 * np.eye(2, dtype=np.float32)[(np.arange(16) < 4).astype(int)]
    step = jax.jit(lambda balance, scores: update_balance(balance, scores, prior))
    averaged = initial_balance(prior)
    for scores in (even, even, even, uneven):
        averaged = step(averaged, scores)
    alone = update_balance(initial_balance(prior), jnp.asarray(uneven), prior, decay=0.0)
    of_average = shares_of(uneven, averaged.potential).mean(axis=0)
    np.testing.assert_allclose(shares_of(uneven, alone.potential).mean(axis=0), 0.5, atol=0.01)
    assert of_average[0] > 0.65
    assert averaged.batches == 4


def test_the_first_batches_count_alike_and_later_ones_by_the_decay():
    prior = jnp.log(jnp.array([0.5, 0.5]))
    balance = initial_balance(prior)
    potentials = []
    for seed in range(3):
        scores = jnp.asarray(np.random.default_rng(seed).normal(size=(8, 2)), jnp.float32)
        potentials.append(np.asarray(sinkhorn_potential(scores, prior)))
        balance = update_balance(balance, scores, prior, decay=0.6)
    differences = [potential[1] - potential[0] for potential in potentials]
    want = 0.6 * (differences[0] + differences[1]) / 2 + 0.4 * differences[2]
    np.testing.assert_allclose(balance.potential[1] - balance.potential[0], want, rtol=1e-4)


def test_two_devices_balance_as_one():
    start = initial_balance(LOG_PRIOR)
    alone = update_balance(start, jnp.asarray(SCORES), LOG_PRIOR)
    mapped = jax.pmap(
        lambda scores: update_balance(start, scores, LOG_PRIOR, axes=("device",)),
        axis_name="device",
    )
    together = mapped(SCORES.reshape(2, 8, 3))
    for device in range(2):
        np.testing.assert_allclose(together.potential[device], alone.potential, atol=1e-5)
    by_parts = update_balance(start, jnp.asarray(SCORES[:8]), LOG_PRIOR)
    assert np.abs(by_parts.potential - alone.potential).max() > 0.01


def test_no_gradient_flows_through_a_share():
    def share(scores):
        potential = update_balance(initial_balance(LOG_PRIOR), scores, LOG_PRIOR).potential
        return jnp.sum(balanced_logits(scores, potential)[:, 0])

    assert np.all(np.asarray(jax.grad(share)(jnp.asarray(SCORES))) == 0)


@pytest.mark.parametrize(
    ("scores", "decay", "message"),
    [
        (jnp.zeros(3), 0.95, r"scores must have shape \[B, 3\]"),
        (jnp.zeros((4, 2)), 0.95, r"scores must have shape \[B, 3\]"),
        (jnp.zeros((4, 3)), 1.0, "decay must be at least 0 and below 1"),
    ],
)
def test_bad_arguments_are_named(scores, decay, message):
    with pytest.raises(InputError, match=message):
        update_balance(initial_balance(LOG_PRIOR), scores, LOG_PRIOR, decay=decay)
