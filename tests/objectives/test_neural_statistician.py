"""The bound of a data set against exact evidence, the VAE's and the context-aware learner's."""

import dataclasses
import inspect
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import context_aware_elbo, context_aware_items_given_contexts
from cal_jax.objectives.neural_statistician import (
    neural_statistician_elbo,
    neural_statistician_items,
)
from cal_jax.objectives.vae import vae_elbo
from tests.affine_gaussian import affine_gaussian
from tests.linear_gaussian_statistician import (
    CONTEXT_DIM,
    LATENT_DIM,
    linear_statistician,
    linear_vae,
    without_context,
)

NUM_ITEMS, PADDED = 4, 6


def basic_model():
    """One layer, and items that see the context through z alone (5.3)."""
    model = linear_statistician(1, seed=2)
    return dataclasses.replace(model, item_context=np.zeros_like(model.item_context))


MODELS = {
    "basic": basic_model,
    "one layer": lambda: linear_statistician(1),
    "two layers": lambda: linear_statistician(2),
}


def padded_case(model, masked, seed=3):
    """The items that count [4, X], what the objective is given, and its mask."""
    counted = model.sample(np.random.default_rng(seed), NUM_ITEMS)
    if not masked:
        return counted, counted, None
    padding = np.full((PADDED - NUM_ITEMS, counted.shape[1]), np.nan, np.float32)
    return counted, np.concatenate([counted, padding]), mask_of(PADDED)


def mask_of(length):
    return (np.arange(length) < NUM_ITEMS).astype(np.float32)


def moves_of(model):
    """Parameters of an inference that is not exact."""
    rng = np.random.default_rng(5)
    return jax.tree.map(
        lambda zeros: jnp.asarray(rng.uniform(0.2, 0.5, zeros.shape), jnp.float32), model.zeros()
    )


def samples_of(bound, count, seed=0):
    return jax.jit(jax.vmap(bound))(jax.random.split(jax.random.key(seed), count))


def assert_mean(values, want):
    values = np.asarray(values, np.float64)
    assert abs(values.mean() - want) < 5 * values.std() / np.sqrt(values.size)


@pytest.mark.parametrize(
    ("name", "masked"), [*((name, True) for name in MODELS), ("two layers", False)]
)
def test_at_the_exact_posterior_the_bound_is_the_evidence(name, masked):
    """Every single sample of the Monte Carlo form, and the analytic form's mean."""
    model = MODELS[name]()
    counted, x, mask = padded_case(model, masked)
    options = {"layers": model.layers, "mask": mask}
    evidence = model.log_evidence(counted)

    def both(key):
        arguments = (key, model.generative(), model.inference(), x)
        monte_carlo = neural_statistician_elbo(*arguments, kl="monte_carlo", **options)
        return monte_carlo.elbo, neural_statistician_elbo(*arguments, **options).elbo

    monte_carlo, analytic = samples_of(both, 2000)
    np.testing.assert_allclose(monte_carlo, evidence, rtol=1e-4)
    assert np.std(analytic) > 0.1
    assert_mean(analytic, evidence)


@pytest.mark.parametrize("name", MODELS)
def test_any_other_posterior_is_below_the_evidence_by_its_kl(name):
    """The moves do not depend on what is conditioned on, so neither do the KLs that add up."""
    model = MODELS[name]()
    counted, x, _ = padded_case(model, masked=False)
    exact, moved = model.inference(), model.inference(moves_of(model))

    @jax.jit
    def gap_of(c, z):
        gap = moved.context(x, None).kl_divergence(exact.context(x, None))
        for layer in range(model.layers):
            z_above = z if layer > 0 else None
            here = moved.latent(layer, x, z_above, c)
            gap += jnp.sum(here.kl_divergence(exact.latent(layer, x, z_above, c)))
        return gap

    def bound(key):
        return neural_statistician_elbo(key, model.generative(), moved, x, layers=model.layers).elbo

    gap = gap_of(jnp.zeros(CONTEXT_DIM), jnp.zeros((NUM_ITEMS, LATENT_DIM)))
    assert gap > 1.0
    assert_mean(samples_of(bound, 10_000), model.log_evidence(counted) - float(gap))


@pytest.mark.parametrize("method", ["analytic", "monte_carlo"])
def test_the_parts_add_up_and_carry_the_documented_shapes(method):
    model = linear_statistician(2)
    _, x, mask = padded_case(model, masked=True)

    @jax.jit
    def bound(key):
        arguments = (key, model.generative(), model.inference(), x)
        return neural_statistician_elbo(*arguments, layers=2, mask=mask, kl=method)

    terms = bound(jax.random.key(0))
    assert terms.kl_latents.shape == (2,)
    assert terms.elbo.shape == terms.reconstruction.shape == terms.kl_context.shape == ()
    parts = terms.reconstruction - terms.kl_context - terms.kl_latents.sum()
    np.testing.assert_allclose(terms.elbo, parts, rtol=1e-6)
    assert np.all(np.abs(terms.kl_latents) > 0.1) and abs(terms.kl_context) > 0.1


def test_what_padding_holds_and_how_long_it_is_changes_neither_bound_nor_gradient():
    model = linear_statistician(2)
    counted, _, _ = padded_case(model, masked=False)

    def bound(moves, x, mask):
        return neural_statistician_elbo(
            jax.random.key(1), model.generative(), model.inference(moves), x, layers=2, mask=mask
        ).elbo

    both = jax.jit(jax.value_and_grad(bound))
    want = both(moves_of(model), counted, None)
    for length, content in ((9, np.nan), (9, 1e3)):
        x = np.full((length, counted.shape[1]), content, np.float32)
        x[:NUM_ITEMS] = counted
        got = both(moves_of(model), x, mask_of(length))
        jax.tree.map(lambda got, want: np.testing.assert_allclose(got, want, rtol=1e-5), got, want)


def test_an_empty_set_has_the_bound_of_its_context_alone():
    model = linear_statistician(2)
    _, x, mask = padded_case(model, masked=True)

    @jax.jit
    def bound(key):
        arguments = (key, model.generative(), model.inference(), x)
        return neural_statistician_elbo(*arguments, layers=2, mask=0 * mask)

    terms = bound(jax.random.key(0))
    assert terms.reconstruction == 0 and np.all(terms.kl_latents == 0)
    np.testing.assert_allclose(terms.elbo, 0.0, atol=1e-5)  # log p of nothing


def test_items_given_the_context_are_the_bound_s_own_terms():
    model = linear_statistician(2)
    _, x, _ = padded_case(model, masked=False)
    generative, inference = model.generative(), model.inference()

    @jax.jit
    def both(key):
        key_context, key_items = jax.random.split(key)
        c = inference.context(x, None).sample(seed=key_context)
        return (
            neural_statistician_items(key_items, generative, inference, x, x, c, layers=2),
            neural_statistician_elbo(key, generative, inference, x, layers=2),
        )

    items, terms = both(jax.random.key(4))
    assert items.elbo.shape == (NUM_ITEMS,) and items.kl_latents.shape == (NUM_ITEMS, 2)
    np.testing.assert_allclose(items.elbo.sum() - terms.kl_context, terms.elbo, rtol=1e-5)
    np.testing.assert_allclose(items.kl_latents.sum(axis=0), terms.kl_latents, rtol=1e-5)


def test_without_a_context_the_bound_is_the_vae_s_summed_over_items():
    """The samples agree: the VAE takes the items at once, with the noise of layer 0."""
    vae = linear_vae()
    model = without_context(vae)
    x = vae.sample(np.random.default_rng(6), NUM_ITEMS)
    moves = {"shift": jnp.array([0.5, -0.7]), "log_scale": jnp.array([0.3, -0.4])}
    latents = jax.tree.map(lambda values: values[None], moves)
    inference = model.inference({**model.zeros(), "latents": latents})

    @jax.jit
    def both(key):
        key_latent = jax.random.fold_in(jax.random.split(key)[1], 0)
        return [
            (
                neural_statistician_elbo(key, model.generative(), inference, x, kl=kl),
                vae_elbo(key_latent, vae.generative(), vae.inference(moves), x, kl=kl),
            )
            for kl in ("analytic", "monte_carlo")
        ]

    for terms, items in both(jax.random.key(8)):
        np.testing.assert_allclose(terms.kl_context, 0.0, atol=1e-6)
        np.testing.assert_allclose(terms.reconstruction, items.reconstruction.sum(), rtol=1e-5)
        np.testing.assert_allclose(terms.kl_latents[0], items.kl_latent.sum(), rtol=1e-5)
        np.testing.assert_allclose(terms.elbo, items.elbo.sum(), rtol=1e-5)


def test_with_one_layer_the_bound_is_the_context_aware_learner_s_of_one_constant_context():
    """Given the same noise item by item, and in expectation through the whole bound."""
    model, a = linear_statistician(1), jnp.ones(1)
    _, x, _ = padded_case(model, masked=False)
    statistician = model.generative(), model.inference(moves_of(model))
    learner = context_aware(*statistician)
    c, key = jnp.array([0.3, -1.2]), jax.random.key(5)
    contexts = jnp.broadcast_to(c, (NUM_ITEMS, 1, CONTEXT_DIM))
    got = neural_statistician_items(key, *statistician, x, x, c)
    key_latent = jax.random.fold_in(key, 0)
    want = context_aware_items_given_contexts(key_latent, *learner, x, x, contexts)
    np.testing.assert_allclose(got.elbo, want.elbo, rtol=1e-5)

    def both(key):
        own = neural_statistician_elbo(key, *statistician, x)
        other = context_aware_elbo(key, *learner, x, a)
        return own.kl_context - other.kl_constant[0], own.elbo - other.elbo

    kl_differences, differences = samples_of(both, 4000)
    np.testing.assert_allclose(kl_differences, 0.0, atol=1e-5)
    assert_mean(differences, 0.0)


def context_aware(generative, inference):
    """A one-layer statistician as a context-aware learner whose only context is constant."""

    def batched(distribution):
        return distribution._replace(mean=distribution.mean[None])

    return (
        SimpleNamespace(
            constant_prior=lambda a: batched(generative.context_prior()),
            varying_prior=lambda constants, a: batched(generative.context_prior()),
            latent_prior=lambda contexts: generative.latent_prior(0, None, contexts[0, 0]),
            likelihood=lambda z, contexts: generative.likelihood((z,), contexts[0, 0]),
        ),
        SimpleNamespace(
            encode=inference.encode,
            constant_contexts=lambda h, a, mask: batched(inference.context(h, mask)),
            varying_contexts=lambda h, constants, a: affine_gaussian(
                jnp.zeros((NUM_ITEMS, 1, CONTEXT_DIM)), np.eye(CONTEXT_DIM)
            ),
            latent=lambda h, contexts: inference.latent(0, h, None, contexts[0, 0]),
        ),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((0, 3), np.float32)}, "x: shape .* of one item or more"),
        ({"mask": jnp.ones(3)}, "one entry an item"),
        ({"layers": 0}, "layers: 0; accepted: 1 or more"),
        ({"kl": "exact"}, "'analytic' or 'monte_carlo'"),
    ],
)
def test_bad_arguments_are_named(change, message):
    model = linear_statistician(1)
    _, x, _ = padded_case(model, masked=False)
    arguments = {"x": x, **change}
    error = ValueError if "kl" in change else InputError
    with pytest.raises(error, match=message):
        neural_statistician_elbo(
            jax.random.key(0), model.generative(), model.inference(), **arguments
        )


def test_the_signature_is_the_public_contract():
    parameters = inspect.signature(neural_statistician_elbo).parameters
    names = ["key", "generative", "inference", "x", "layers", "mask", "kl"]
    assert list(parameters) == names
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in names[4:])
