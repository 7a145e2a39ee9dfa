"""What a trained model says of given sets: log p(D | a), log p(a | D), contexts."""

from functools import cache

import jax
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.inference.evidence import infer, log_mask_posterior
from tests.small_models import binary_sets, small_model

SUPPORT = np.array([[1, 0], [0, 1], [1, 1]])
NUM_ITEMS = 4


model_of = cache(small_model)


@cache
def case():
    """(x [3, N, H, W], Inferred of them)."""
    x, _ = binary_sets(3, NUM_ITEMS)
    return x, found(x)


def found(x, **options):
    model, variables = model_of()
    options = {"contexts": 6, "latents": 4, **options}
    return infer(model, variables, jax.random.key(1), x, SUPPORT, **options)


def test_every_label_has_its_bounds_and_its_contexts():
    _, result = case()
    assert result.log_evidence.shape == result.elbo.shape == (3, 3)
    assert result.constants.shape == (3, 3, 2, 3)
    assert result.varying.shape == (3, 3, NUM_ITEMS, 2, 3)
    assert np.all(result.log_evidence > result.elbo - 5) and np.all(result.elbo < 0)
    np.testing.assert_allclose(np.exp(result.log_posterior).sum(axis=-1), 1.0, rtol=1e-5)
    used = np.broadcast_to(SUPPORT[None, :, :, None] == 1, result.constants.shape)
    assert np.all((result.constants != 0) == used)
    per_item = np.broadcast_to(used[:, :, None], result.varying.shape)
    assert np.all((result.varying != 0) == ~per_item)


def test_one_set_with_padding_is_the_first_of_many():
    x, many = case()
    padded = np.concatenate([x[0], np.full((2, 8, 8), np.nan, np.float32)])
    mask = np.array([1, 1, 1, 1, 0, 0])
    one = found(padded, mask=mask)
    for name in ("log_evidence", "elbo", "log_posterior"):
        np.testing.assert_allclose(getattr(one, name), getattr(many, name)[0], rtol=1e-3)
    np.testing.assert_allclose(one.constants, many.constants[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one.varying[:, :NUM_ITEMS], many.varying[0], rtol=1e-4, atol=1e-5)


def test_the_posterior_is_bayes_rule():
    evidence, prior = np.array([[-700.0, -701.0]]), np.array([0.2, 0.8])
    want = prior * np.exp([0.0, -1.0]) / np.sum(prior * np.exp([0.0, -1.0]))
    got = np.exp(log_mask_posterior(evidence, np.log(prior) + 7.0))
    np.testing.assert_allclose(got[0], want, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((4, 9, 9))}, r"x: shape \(4, 9, 9\); accepted: \[M, N, 8, 8\]"),
        ({"support": np.eye(3)}, r"support: shape \(3, 3\); accepted: \[A, 2\]"),
        ({"support": np.full((1, 2), 0.5)}, "neither 0 nor 1"),
        ({"log_prior": np.zeros(4)}, r"log_prior: shape \(4,\)"),
        ({"mask": np.ones(9)}, "mask: shape"),
        ({"contexts": 0}, "samples must be 1 or more: got 0"),
        ({"x": np.full((4, 8, 8), np.nan)}, "x: values from nan to nan; accepted: 0 and 1"),
        ({"x": np.full((4, 8, 8), 0.5)}, "x: values from 0.5 to 0.5; accepted: 0 and 1"),
        ({"x": np.zeros((0, 8, 8))}, "accepted: 1 set or more of 1 item or more"),
        ({"x": np.full((4, 8, 8), "a")}, "accepted: numbers"),
        ({"x": np.full((4, 8, 8), 255)}, "x: values from 255 to 255; accepted: 0 and 1"),
        ({"x": np.full((2, 4, 8, 8), -1)}, "x: values from -1 to -1; accepted: 0 and 1"),
    ],
)
def test_bad_input_is_named(change, message):
    model, variables = model_of()
    arguments = {"x": np.zeros((4, 8, 8)), "support": SUPPORT, **change}
    with pytest.raises(InputError, match=message):
        infer(model, variables, jax.random.key(0), **arguments)
