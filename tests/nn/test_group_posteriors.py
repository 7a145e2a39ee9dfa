"""The Gaussian of a group against the densities and parameters that it is made of."""

import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import diagonal_gaussian, log_prob
from cal_jax.nn.dense import GaussianParameters
from cal_jax.nn.group_posteriors import mean_of_gaussians, product_of_gaussians

N, C = 5, 3
MASK = jnp.asarray([1.0, 0.0, 1.0, 1.0, 0.0])
POOLS = [product_of_gaussians, mean_of_gaussians]


def items(seed=0):
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(2, N, C)).astype(np.float32)
    return GaussianParameters(jnp.asarray(drawn[0]), jnp.asarray(drawn[1]))


def rows(one, chosen):
    return GaussianParameters(one.mean[chosen], one.log_variance[chosen])


def test_the_product_is_the_product_of_the_densities_but_for_a_constant():
    one = items()
    for mask, chosen in ((None, slice(None)), (MASK, MASK > 0)):
        pooled = diagonal_gaussian(*product_of_gaussians(one, mask))
        points = np.random.default_rng(1).normal(size=(20, C)).astype(np.float32)
        difference = [
            float(
                log_prob(diagonal_gaussian(*rows(one, chosen)), jnp.tile(c, (N, 1))[chosen]).sum()
            )
            - float(log_prob(pooled, c))
            for c in jnp.asarray(points)
        ]
        np.testing.assert_allclose(difference, difference[0], atol=1e-3)


def test_the_mean_is_that_of_means_and_of_variances():
    one = items()
    mean, log_variance = mean_of_gaussians(one, MASK)
    counts = np.asarray(MASK) > 0
    np.testing.assert_allclose(mean, np.asarray(one.mean)[counts].mean(0), rtol=1e-5)
    variances = np.exp(np.asarray(one.log_variance))[counts]
    np.testing.assert_allclose(np.exp(log_variance), variances.mean(0), rtol=1e-5)


@pytest.mark.parametrize("pool", POOLS)
def test_order_and_padding_do_not_matter_and_a_group_of_one_is_its_item(pool):
    one = items()
    order = jnp.asarray([3, 0, 4, 1, 2])
    for left, right in zip(pool(one, MASK), pool(rows(one, order), MASK[order]), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)
    padded = one._replace(mean=jnp.where(MASK[:, None] > 0, one.mean, jnp.nan))
    for left, right in zip(pool(one, MASK), pool(padded, MASK), strict=True):
        np.testing.assert_allclose(left, right)
    for left, right in zip(pool(rows(one, slice(1)), None), one, strict=True):
        np.testing.assert_allclose(left, right[0], rtol=1e-5, atol=1e-6)
    for values in pool(one, jnp.zeros(N)):
        np.testing.assert_array_equal(values, 0.0)
