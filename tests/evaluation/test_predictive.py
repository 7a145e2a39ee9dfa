"""The predictive's bound against the exact log p(x_new | D, a) of a linear-Gaussian model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.evaluation.predictive import predictive_log_weights
from cal_jax.objectives.importance import importance_weighted
from tests.linear_gaussian_labels import mixture

LABELS = [(1.0, 0.0), (1.0, 1.0)]
MODEL = mixture(LABELS, [0.5, 0.5])
SIZE, NEW, LATENTS = 4, 2, 4


@jax.jit
def weights_of(keys, x, new, a, mask):
    """[J, T, S]"""
    return jax.vmap(
        lambda key: predictive_log_weights(
            key,
            MODEL.generative(),
            MODEL.inference(jnp.zeros(2)),
            x,
            new,
            a,
            latent_samples=LATENTS,
            mask=mask,
        )
    )(keys)


@pytest.mark.parametrize("a", LABELS)
def test_it_rises_with_its_samples_to_the_exact_predictive_of_any_number_of_items(a):
    rng = np.random.default_rng(3)
    drawn = MODEL.given(a).sample(rng, SIZE + NEW).astype(np.float32)
    new, keys = drawn[SIZE:], jax.random.split(jax.random.key(0), 20_000)
    previous = []
    for size in (1, SIZE):
        x = np.where(np.arange(SIZE)[:, None] < size, drawn[:SIZE], np.nan)
        mask = (np.arange(SIZE) < size).astype(np.float32)
        weights = np.moveaxis(np.asarray(weights_of(keys, x, new, jnp.array(a), mask)), 1, 0)
        model = MODEL.given(a)
        exact = [
            model.log_evidence(np.concatenate([drawn[:size], item[None]]))
            - model.log_evidence(drawn[:size])
            for item in new
        ]
        many = np.asarray(importance_weighted(jnp.asarray(weights.reshape(NEW, -1))))
        np.testing.assert_allclose(many, exact, atol=0.03)
        few = np.asarray(importance_weighted(jnp.asarray(weights.reshape(NEW, -1, 2 * LATENTS))))
        assert np.all(few.mean(axis=1) < np.array(exact) - 0.01)
        previous.append(many)
    assert np.abs(previous[0] - previous[1]).max() > 0.1
