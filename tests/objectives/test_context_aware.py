"""The bound against a model whose evidence is known exactly, and against its own parts."""

import inspect
import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import full_gaussian, kl, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import (
    context_aware_elbo,
    context_aware_items,
    context_aware_items_given_contexts,
    select_contexts,
)
from tests.linear_gaussian import CONTEXT_DIM, LATENT_DIM, coupled_model

LABELS = [a for num in (1, 2, 3) for a in itertools.product((0, 1), repeat=num)]
NUM_ITEMS, PADDED = 4, 6


def padded_case(a, masked, seed=3):
    """A model, the items that count [4, X], what the objective is given, and its mask."""
    model = coupled_model(a)
    counted = model.sample(np.random.default_rng(seed), NUM_ITEMS).astype(np.float32)
    if not masked:
        return model, counted, counted, None
    padding = np.full((PADDED - NUM_ITEMS, counted.shape[1]), 7.0, np.float32)
    x = np.concatenate([counted, padding])
    return model, counted, x, (np.arange(PADDED) < NUM_ITEMS).astype(np.float32)


def bound_of(model, x, a, **options):
    """The terms of one sample at the exact posterior."""

    def bound(key, x, a):
        arguments = (key, model.generative(), model.exact_inference(), x, a)
        return context_aware_elbo(*arguments, **options)

    return jax.jit(bound)(jax.random.key(0), x, a)


def samples_of(objective, count, seed=0):
    return jax.jit(jax.vmap(objective))(jax.random.split(jax.random.key(seed), count))


UNMASKED = [(1,), (1, 0), (0, 1, 1)]
CASES = [(a, True) for a in LABELS] + [(a, False) for a in UNMASKED]


@pytest.mark.parametrize(("a", "masked"), CASES)
def test_at_the_exact_posterior_the_bound_is_the_evidence(a, masked):
    """Every single sample of the Monte Carlo form, and the analytic form's mean."""
    model, counted, x, mask = padded_case(a, masked)
    generative, inference = model.generative(), model.exact_inference()
    label = jnp.asarray(a, jnp.float32)
    evidence = model.log_evidence(counted)

    def both(key):
        arguments = (key, generative, inference, x, label)
        monte_carlo = context_aware_elbo(*arguments, mask=mask, kl="monte_carlo")
        return monte_carlo.elbo, context_aware_elbo(*arguments, mask=mask).elbo

    monte_carlo, analytic = samples_of(both, 2000)
    np.testing.assert_allclose(monte_carlo, evidence, rtol=1e-4)
    analytic = np.asarray(analytic, np.float64)
    assert abs(analytic.mean() - evidence) < 5 * analytic.std() / np.sqrt(analytic.size)


@pytest.mark.parametrize("a", [(1,), (1, 0), (0, 1, 1)])
def test_any_other_posterior_is_below_the_evidence_by_its_kl(a):
    """Shift every exact posterior mean: the gap is the KL, which is known in closed form."""
    model, counted, x, _ = padded_case(a, masked=False)
    exact = model.exact_inference()
    label = jnp.asarray(a, jnp.float32)
    shift = 0.5

    def moved(distribution):
        return full_gaussian(distribution.loc + shift, distribution.covariance())

    inference = SimpleNamespace(
        encode=exact.encode,
        constant_contexts=lambda h, a, mask: moved(exact.constant_contexts(h, a, mask)),
        varying_contexts=lambda h, c, a: moved(exact.varying_contexts(h, c, a)),
        latent=lambda h, contexts: moved(exact.latent(h, contexts)),
    )
    zeros = jnp.zeros((len(a), CONTEXT_DIM))
    contexts = jnp.zeros((NUM_ITEMS, len(a), CONTEXT_DIM))

    def gap_of(posterior):
        return kl(moved(posterior), posterior, moved(posterior).loc).nats

    def gap_to_exact(x):
        gap = jnp.sum(label * gap_of(exact.constant_contexts(x, label, None)))
        gap += jnp.sum((1 - label)[None] * gap_of(exact.varying_contexts(x, zeros, label)))
        return gap + jnp.sum(gap_of(exact.latent(x, contexts)))

    def one(key):
        return context_aware_elbo(key, model.generative(), inference, x, label).elbo

    elbo = np.asarray(samples_of(one, 4000), np.float64)
    error = elbo.std() / np.sqrt(elbo.size)
    gap = jax.jit(gap_to_exact)(x)
    assert gap > 1.0
    assert abs(model.log_evidence(counted) - float(gap) - elbo.mean()) < 5 * error


@pytest.mark.parametrize("method", ["analytic", "monte_carlo"])
def test_the_parts_add_up_and_carry_the_documented_shapes(method):
    model, _, x, mask = padded_case((1, 0, 1), masked=True)
    label = jnp.array([1.0, 0.0, 1.0])
    terms = bound_of(model, x, label, mask=mask, kl=method)
    assert terms.kl_varying.shape == terms.kl_constant.shape == (3,)
    assert terms.elbo.shape == terms.reconstruction.shape == terms.kl_latent.shape == ()
    parts = (
        terms.reconstruction - terms.kl_latent - terms.kl_varying.sum() - terms.kl_constant.sum()
    )
    np.testing.assert_allclose(terms.elbo, parts, rtol=1e-6)
    assert terms.kl_constant[1] == 0 and np.all(terms.kl_varying[np.array([0, 2])] == 0)
    assert terms.kl_varying[1] != 0 and np.all(terms.kl_constant[np.array([0, 2])] != 0)


def test_what_padding_holds_and_how_long_it_is_changes_neither_bound_nor_gradient():
    model, counted, _, _ = padded_case((1, 0), masked=False)
    label = jnp.array([1.0, 0.0])
    exact = model.exact_inference()

    def bound(scale, x, mask):
        def latent(h, contexts):
            posterior = exact.latent(h, contexts)
            return full_gaussian(scale * posterior.loc, posterior.covariance())

        inference = SimpleNamespace(**{**vars(exact), "latent": latent})
        key = jax.random.key(1)
        return context_aware_elbo(key, model.generative(), inference, x, label, mask=mask).elbo

    both = jax.jit(jax.value_and_grad(bound))
    want = both(0.7, counted, None)
    for length, content in ((5, 0.0), (9, 1e3), (9, np.nan)):
        x = np.full((length, counted.shape[1]), content, np.float32)
        x[:NUM_ITEMS] = counted
        got = both(0.7, x, (np.arange(length) < NUM_ITEMS).astype(np.float32))
        np.testing.assert_allclose(got, want, rtol=2e-6)


def test_an_empty_set_has_the_bound_of_its_constant_contexts_alone():
    model, _, x, _ = padded_case((1, 0), masked=True)
    terms = bound_of(model, x, jnp.array([1.0, 0.0]), mask=np.zeros(PADDED, np.float32))
    assert terms.reconstruction == 0 and terms.kl_latent == 0 and np.all(terms.kl_varying == 0)
    np.testing.assert_allclose(terms.elbo, 0.0, atol=1e-5)  # log p of nothing


def test_items_given_constants_and_given_contexts_are_the_bound_s_own_terms():
    model, _, x, _ = padded_case((1, 0), masked=False)
    generative, inference = model.generative(), model.exact_inference()
    label = jnp.array([1.0, 0.0])
    key = jax.random.key(4)
    key_constant, key_items = jax.random.split(key)
    constants = inference.constant_contexts(x, label, None).sample(seed=key_constant)
    constants = label[:, None] * constants
    items = context_aware_items(key_items, generative, inference, x, x, constants, label)
    key_varying, key_latent = jax.random.split(key_items)
    varying = inference.varying_contexts(x, constants, label).sample(seed=key_varying)
    contexts = select_contexts(constants, varying, label)
    latents = context_aware_items_given_contexts(key_latent, generative, inference, x, x, contexts)
    terms = context_aware_elbo(key, generative, inference, x, label)
    assert items.elbo.shape == latents.elbo.shape == (NUM_ITEMS,)
    np.testing.assert_allclose(items.elbo.sum() - terms.kl_constant.sum(), terms.elbo, rtol=1e-5)
    np.testing.assert_allclose(items.kl_varying.sum(axis=0), terms.kl_varying, rtol=1e-5)
    np.testing.assert_allclose(
        latents.elbo.sum(), items.elbo.sum() + items.kl_varying.sum(), rtol=1e-5
    )


def test_one_compiled_program_serves_every_label():
    model, _, x, _ = padded_case((1, 0), masked=False)
    traces = []

    @jax.jit
    def bound(a):
        traces.append(1)
        return context_aware_elbo(
            jax.random.key(0), model.generative(), model.exact_inference(), x, a
        ).elbo

    values = [
        bound(jnp.asarray(a, jnp.float32)) for a in ((1, 0), (0, 1), (1, 1), (0, 0), (0.5, 0.2))
    ]
    assert np.all(np.isfinite(values)) and len(traces) == 1


def test_select_contexts_copies_the_constant_and_keeps_the_varying():
    constants, varying = jnp.ones((2, 3)), jnp.arange(24.0).reshape(4, 2, 3)
    contexts = select_contexts(constants, varying, jnp.array([1.0, 0.0]))
    assert np.all(contexts[:, 0] == 1) and np.all(contexts[:, 1] == varying[:, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((0, 5), np.float32)}, "x: shape .* of one item or more"),
        ({"a": jnp.ones((1, 2))}, r"a: shape .*; accepted: \[K\]"),
        ({"a": jnp.array([1, 0])}, "float mask"),
        ({"a": jnp.array([1.0])}, "a: 1 entries; accepted: 2, as the model has contexts"),
        ({"mask": jnp.ones(3)}, "one entry an item"),
        ({"kl": "exact"}, "'analytic' or 'monte_carlo'"),
    ],
)
def test_bad_arguments_are_named(change, message):
    model, _, x, _ = padded_case((1, 0), masked=False)
    arguments = {"x": x, "a": jnp.array([1.0, 0.0]), "mask": None, "kl": "analytic", **change}
    error = ValueError if "kl" in change else InputError
    with pytest.raises(error, match=message):
        context_aware_elbo(
            jax.random.key(0), model.generative(), model.exact_inference(), **arguments
        )


def test_the_signature_is_the_public_contract():
    parameters = inspect.signature(context_aware_elbo).parameters
    assert list(parameters) == ["key", "generative", "inference", "x", "a", "mask", "kl"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    assert parameters["mask"].kind is keyword and parameters["kl"].kind is keyword


def test_a_posterior_without_a_closed_form_falls_back_to_monte_carlo():
    """A Laplace prior of z: the bound is still unbiased, its z-term estimated."""
    import distrax

    model, _, x, _ = padded_case((1,), masked=False)
    exact = model.generative()
    shape = (NUM_ITEMS, LATENT_DIM)
    laplace = distrax.Independent(distrax.Laplace(jnp.zeros(shape), jnp.ones(shape)), 1)
    generative = SimpleNamespace(**{**vars(exact), "latent_prior": lambda contexts: laplace})
    posterior = model.exact_inference().latent(x, jnp.zeros((NUM_ITEMS, 1, CONTEXT_DIM)))
    assert not kl(posterior, laplace, posterior.loc).exact
    assert kl(posterior, standard_gaussian(shape), posterior.loc).exact
    terms = context_aware_elbo(
        jax.random.key(0), generative, model.exact_inference(), x, jnp.ones(1)
    )
    assert np.isfinite(terms.elbo)
