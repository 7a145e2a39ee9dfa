"""The context-aware learner's importance-weighted bound against the exact log p(D | a)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.context_aware_weights import context_aware_log_weights
from cal_jax.objectives.importance import nested_bound, set_log_weight
from tests.linear_gaussian import coupled_model
from tests.linear_gaussian_labels import mixture

NUM_ITEMS = 3
SUPPORT = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
MODEL = mixture(SUPPORT, [0.25] * 4)


def padded_set(padding=2):
    """The items that count [N, X]; the same with padding of NaN, and the mask."""
    rng = np.random.default_rng(5)
    counted = MODEL.given(SUPPORT[0]).sample(rng, NUM_ITEMS).astype(np.float32)
    x = np.concatenate([counted, np.full((padding, counted.shape[1]), np.nan, np.float32)])
    return counted, x, (np.arange(len(x)) < NUM_ITEMS).astype(np.float32)


@jax.jit
def moved_weights(keys, x, a, mask):
    """Of posteriors whose means are off: context [J], items [J, N, 8]."""
    inference = MODEL.inference(jnp.zeros(4), shift=0.25)
    return jax.vmap(
        lambda key: context_aware_log_weights(
            key, MODEL.generative(), inference, x, a, latent_samples=8, mask=mask
        )
    )(keys)


@pytest.mark.parametrize("a", SUPPORT)
def test_the_bound_rises_with_its_samples_to_the_log_evidence_of_each_label(a):
    counted, x, mask = padded_set()
    evidence = MODEL.given(a).log_evidence(counted)
    weights = moved_weights(jax.random.split(jax.random.key(0), 12_000), x, jnp.array(a), mask)

    def bounds(contexts, latents):
        few = weights._replace(items=weights.items[..., :latents])
        parts = jax.tree.map(lambda part: part.reshape(-1, contexts, *part.shape[1:]), few)
        values = np.asarray(jax.jit(nested_bound)(parts, mask), np.float64)
        return values.mean(), values.std() / np.sqrt(values.size)

    (one, error), (few, few_error), (many, _) = bounds(1, 1), bounds(5, 8), bounds(12_000, 8)
    assert one + 5 * error < few < evidence + 5 * few_error
    assert one < evidence - 0.3
    assert abs(many - evidence) < 0.02


@pytest.mark.parametrize("a", [(1, 1, 0)])
def test_at_the_exact_posterior_every_weight_is_the_log_evidence(a):
    """Whose varying posterior leans on the constant contexts, and z's on all."""
    model = coupled_model(a)
    counted = model.sample(np.random.default_rng(2), NUM_ITEMS).astype(np.float32)
    label = jnp.asarray(a, jnp.float32)

    def one(key):
        weights = context_aware_log_weights(
            key, model.generative(), model.exact_inference(), counted, label, latent_samples=2
        )
        return set_log_weight(weights)

    log_weights = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), 20))
    np.testing.assert_allclose(log_weights, model.log_evidence(counted), rtol=1e-4)


def test_one_sample_of_everything_is_the_monte_carlo_bound():
    _, x, mask = padded_set()
    arguments = (MODEL.generative(), MODEL.inference(jnp.zeros(4), shift=0.25), x)

    @jax.jit
    def both(key, a):
        weights = context_aware_log_weights(key, *arguments, a, mask=mask)
        bound = context_aware_elbo(key, *arguments, a, mask=mask, kl="monte_carlo").elbo
        return set_log_weight(weights, mask), bound

    for a in map(jnp.array, SUPPORT):
        np.testing.assert_allclose(*both(jax.random.key(3), a), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((0, 7), np.float32)}, "x: shape .* of one item or more"),
        ({"mask": jnp.ones(NUM_ITEMS + 9)}, "one entry an item"),
        ({"latent_samples": 0}, "latent_samples must be 1 or more: got 0"),
        ({"a": jnp.ones(3)}, "a: 3 entries; accepted: 2, as the model has contexts"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"x": padded_set()[0], "a": jnp.array(SUPPORT[0]), **change}
    with pytest.raises(InputError, match=message):
        context_aware_log_weights(
            jax.random.key(0), MODEL.generative(), MODEL.inference(jnp.zeros(4)), **arguments
        )
