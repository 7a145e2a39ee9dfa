"""Ancestral sampling against the exact moments of a linear-Gaussian model; sources; batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.sample import combine_constants, generate_set, infer_constants
from cal_jax.inference.sampler import Sampler, in_batches
from tests.linear_gaussian import CONTEXT_DIM, coupled_model
from tests.small_models import binary_sets, small_model

COUNT = 20_000


def generated(a, **options):
    model = coupled_model(a)
    generative, label = model.generative(), jnp.asarray(a, jnp.float32)

    def one(key):
        return generate_set(key, generative, label, 2, **options).samples

    samples = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), COUNT))
    return model, np.asarray(samples, np.float64)


def test_sets_have_the_covariance_inside_and_between_items_of_their_label():
    for a in ((1, 0), (0, 1), (1, 1), (0, 0)):
        model, x = generated(a)
        shared = sum((w @ w.T for w in model.loadings[model.a == 1]), np.zeros(()))
        own = model.item_covariance(with_varying=True) + shared
        np.testing.assert_allclose(np.cov(x[:, 0].T), own, atol=0.12)
        between = np.einsum("mx,my->xy", x[:, 0], x[:, 1]) / COUNT
        np.testing.assert_allclose(between, np.broadcast_to(shared, own.shape), atol=0.12)


def test_given_constants_fix_the_mean_and_the_others_are_sampled():
    constants = jnp.full((2, CONTEXT_DIM), 2.0)
    model, x = generated((1, 1), constants=constants, given=jnp.array([1.0, 0.0]))
    mean = model.loadings[0] @ np.full(CONTEXT_DIM, 2.0)
    np.testing.assert_allclose(x.mean((0, 1)), mean, atol=0.06)
    other = model.loadings[1] @ model.loadings[1].T
    between = np.einsum("mx,my->xy", x[:, 0] - mean, x[:, 1] - mean) / COUNT
    np.testing.assert_allclose(between, other, atol=0.12)


def test_inferred_constants_are_posterior_means_and_zero_where_varying():
    model = coupled_model((1, 0))
    x = model.sample(np.random.default_rng(0), 5).astype(np.float32)
    label = jnp.array([1.0, 0.0])
    inference = model.exact_inference()
    constants = infer_constants(inference, x, label)
    want = inference.constant_contexts(x, label, None).mean()
    np.testing.assert_allclose(constants[0], want[0], rtol=1e-6)
    assert np.all(constants[1] == 0)


def test_sources_are_combined_each_for_its_own_context():
    sources = jnp.arange(8.0).reshape(2, 2, 2)
    constants, given = combine_constants(sources, jnp.eye(2))
    np.testing.assert_array_equal(constants, [[0, 1], [6, 7]])
    np.testing.assert_array_equal(given, [1, 1])
    _, one = combine_constants(sources[:1], jnp.eye(2)[:1])
    np.testing.assert_array_equal(one, [1, 0])


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([[1, 0], [1, 1]], r"context 0: given by sources \[0, 1\]; accepted: one source"),
        ([[1, 0], [0, 0.5]], r"constant_masks: shape \(2, 2\); accepted: \[R, K\] of 0 and 1"),
        ([1, 0], r"constant_masks: shape \(2,\); accepted: \[R, K\]"),
    ],
)
def test_two_sources_for_one_context_are_refused(masks, message):
    with pytest.raises(InputError, match=message):
        combine_constants(jnp.zeros((2, 2, 3)), jnp.array(masks))
    sampler = Sampler(*small_model(), 4)
    x, _ = binary_sets(2, 4)
    with pytest.raises(InputError, match=message):
        sampler.synthesise(jax.random.key(0), x[None], np.array(masks))


def test_another_number_of_sources_than_masks_is_refused():
    sampler = Sampler(*small_model(), 4)
    x, labels = binary_sets(2, 4)
    with pytest.raises(InputError, match=r"x: shape .*; accepted: \[M, 2, N, \*X\]"):
        sampler.synthesise(jax.random.key(0), x, labels)


def test_batches_cover_every_row_once_whatever_the_remainder():
    for total in (1, 4, 5, 12):
        rows = np.arange(total)
        parts = in_batches(lambda row: {"twice": 2 * row}, rows, size=4)
        np.testing.assert_array_equal(parts["twice"], 2 * rows)


def test_a_sampler_gives_as_many_sets_as_asked_and_in_the_documented_shapes():
    model, variables = small_model()
    sampler = Sampler(model, variables, num_items=3)
    x, _ = binary_sets(5, 4)
    key = jax.random.key(0)
    for sets in (
        sampler.unconditional(key, np.array([1.0, 0.0]), 5),
        sampler.conditional(key, x, np.array([1.0, 0.0])),
        sampler.synthesise(key, np.stack([x, x], axis=1), np.eye(2)),
    ):
        assert sets.samples.shape == sets.means.shape == (5, 3, 8, 8)
        assert set(np.unique(sets.samples)) <= {0.0, 1.0}
        assert np.all((sets.means >= 0) & (sets.means <= 1))
        assert len(np.unique(sets.means)) > 2


def test_what_a_sampler_makes_of_a_set_does_not_depend_on_its_batch_mates():
    model, variables = small_model()
    sampler = Sampler(model, variables)
    x, _ = binary_sets(3, 4)
    other = x.copy()
    other[1:] = 1 - other[1:]
    a, key = np.array([1.0, 0.0]), jax.random.key(0)
    means = [sampler.conditional(key, sets, a).means for sets in (x, other)]
    np.testing.assert_allclose(means[0][0], means[1][0], atol=1e-6)
    assert not np.allclose(means[0][1], means[1][1])
