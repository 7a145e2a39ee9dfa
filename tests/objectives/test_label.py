"""The bound with an inferred label, against a model whose p(D) and p(a | D) are exact."""

import inspect
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.context_aware import context_aware_elbo
from cal_jax.objectives.label import label_elbo
from cal_jax.objectives.label_bounds import average_over_labels, label_bounds
from cal_jax.objectives.label_schedules import label_weights
from cal_jax.objectives.weighting import weighted_objective
from tests.objectives.label_case import (
    COUNTED,
    ESTIMATORS,
    EVIDENCE,
    LOG_PRIOR,
    MASK,
    MODEL,
    NUM_ITEMS,
    POSTERIOR,
    SHIFT,
    SUPPORT,
    VISIT_ALL,
    WRONG,
    X,
    bound,
    hard,
    label_kl,
    samples_of,
    standard_error,
)


@pytest.fixture(name="exact_posteriors", scope="module")
def samples_at_the_exact_posteriors():
    """Terms of every estimator and of the bounds at hard labels, 1,000 samples of each."""

    def one(key):
        terms = {name: bound(key, name) for name in ESTIMATORS if name != "concrete"}
        terms["concrete"] = bound(key, "concrete", temperature=2.0, kl="analytic")
        terms["analytic exact"] = bound(key, "exact", kl="analytic")
        hard_labels = {name: hard(key, name) for name in ("argmax", "sampled")}
        return {**terms, **hard_labels}

    return samples_of(one, 1000)


@pytest.mark.parametrize("estimator", ["exact", "marginal", "gumbel", "rao", "sampled"])
def test_at_the_exact_posteriors_every_sample_is_the_evidence(exact_posteriors, estimator):
    """All but the relaxed label's: one-hot samples are weighed by their own log ratio."""
    np.testing.assert_allclose(exact_posteriors[estimator].elbo, EVIDENCE, rtol=1e-5)


def test_with_closed_forms_the_mean_of_exact_is_the_evidence(exact_posteriors):
    elbo = exact_posteriors["analytic exact"].elbo
    assert elbo.std() > 0.1
    assert abs(elbo.mean() - EVIDENCE) < 5 * standard_error(elbo)


def test_a_relaxed_label_is_no_bound(exact_posteriors):
    """Why the discrete bound is reported: at temperature 2 the mean exceeds the evidence."""
    relaxed = exact_posteriors["concrete"].elbo
    assert relaxed.mean() > EVIDENCE + 5 * standard_error(relaxed)


def test_the_most_probable_label_alone_is_a_lower_bound(exact_posteriors):
    """log p(a) + log p(D | a) of that label: the KL of a point mass is -log p(a)."""
    joint = np.log(MODEL.prior) + MODEL.log_evidences(COUNTED)
    np.testing.assert_allclose(exact_posteriors["argmax"].elbo, joint.max(), rtol=1e-5)
    assert joint.max() < EVIDENCE - 0.1


@pytest.mark.parametrize("estimator", [*ESTIMATORS, "analytic exact", "argmax", "sampled"])
def test_the_parts_add_up_and_carry_the_documented_shapes(exact_posteriors, estimator):
    terms = exact_posteriors[estimator]
    parts = terms.reconstruction - terms.kl_latent - terms.kl_label
    parts -= terms.kl_varying.sum(axis=-1) + terms.kl_constant.sum(axis=-1)
    np.testing.assert_allclose(terms.elbo, parts, rtol=1e-5)
    samples, (num_labels, num_contexts) = len(parts), SUPPORT.shape
    assert terms.kl_varying.shape == terms.kl_constant.shape == (samples, num_contexts)
    assert terms.elbo.shape == terms.kl_label.shape == (samples,)
    assert terms.logits.shape == (samples, num_labels)
    if estimator.split()[-1] in VISIT_ALL:
        assert terms.elbo_per_label.shape == (samples, num_labels)
    else:
        assert terms.elbo_per_label is None


def test_the_logits_of_marginal_are_the_exact_posterior_s(exact_posteriors):
    log_q = jax.nn.log_softmax(exact_posteriors["marginal"].logits)
    np.testing.assert_allclose(log_q, np.broadcast_to(POSTERIOR, log_q.shape), atol=2e-3)
    per_label = exact_posteriors["exact"].elbo_per_label
    np.testing.assert_allclose(
        per_label, len(per_label) * [MODEL.log_evidences(COUNTED)], rtol=1e-5
    )


def test_moved_posteriors_are_below_the_evidence_and_marginal_is_above_exact():
    """The gap of "exact" is a sum of known KLs; "marginal" is nearer for every sample."""

    def one(key):
        methods = ("exact", "marginal")
        return {name: bound(key, name, logits=WRONG, shift=SHIFT).elbo for name in methods}

    moved = samples_of(one, 2000)
    exact, marginal = moved["exact"], moved["marginal"]
    gap = label_kl(WRONG) + float(jax.nn.softmax(WRONG) @ MODEL.gaps(NUM_ITEMS, SHIFT))
    assert gap > 1.0
    assert abs(EVIDENCE - gap - exact.mean()) < 5 * standard_error(exact)
    assert marginal.mean() < EVIDENCE - 10 * standard_error(marginal)
    assert np.all(marginal >= exact - 1e-4)


def test_one_label_in_the_support_is_a_known_label():
    """An identity: the bound of ``context_aware_elbo``, for the same key, of every way to
    treat the label."""
    generative, inference = MODEL.generative(), MODEL.inference(jnp.zeros(1), SHIFT)

    def one(estimator, temperature, key):
        arguments = (key, generative, inference, COUNTED, SUPPORT[:1], jnp.zeros(1))
        terms = label_elbo(*arguments, estimator=estimator, temperature=temperature)
        return terms.elbo, terms.kl_label

    def known(key):
        return context_aware_elbo(key, generative, inference, COUNTED, SUPPORT[0]).elbo

    @jax.jit
    def every(key):
        used = jax.random.split(key)[1]
        drawn = [one(estimator, 0.7, key) for estimator in ("gumbel", "concrete")]
        return [*drawn, one("exact", None, used)], known(used)

    got, want = every(jax.random.key(2))
    for elbo, kl_label in got:
        np.testing.assert_allclose(elbo, want, rtol=1e-5)
        np.testing.assert_allclose(kl_label, 0.0, atol=1e-6)


def test_the_items_are_encoded_once_whatever_the_support():
    calls = []
    exact = MODEL.inference(POSTERIOR)

    def encode(x):
        calls.append(x.shape)
        return exact.encode(x)

    inference = SimpleNamespace(**{**vars(exact), "encode": encode})
    for estimator in ESTIMATORS:
        jax.eval_shape(
            lambda key, name=estimator: label_elbo(
                key,
                MODEL.generative(),
                inference,
                X,
                SUPPORT,
                LOG_PRIOR,
                estimator=name,
                temperature=None if name in VISIT_ALL else 0.5,
                mask=MASK,
                kl="monte_carlo",
            ),
            jax.random.key(0),
        )
    assert calls == [X.shape] * len(ESTIMATORS)


def test_a_wrong_q_of_the_label_costs_exactly_its_kl():
    """Bounds of all labels, averaged under any q with the leading axes kept: what a method
    uses that weighs a whole batch at once."""

    def one(key):
        inference = MODEL.inference(POSTERIOR)
        arguments = (key, MODEL.generative(), inference, X, SUPPORT)
        return label_bounds(*arguments, mask=MASK, kl="monte_carlo")

    bounds = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), 10))
    np.testing.assert_allclose(bounds.logits, 10 * [POSTERIOR])
    for logits in (POSTERIOR, WRONG):
        terms = average_over_labels(bounds.terms, jnp.stack(10 * [logits]), LOG_PRIOR)
        assert terms.kl_varying.shape == (10, 2)
        np.testing.assert_allclose(terms.elbo, EVIDENCE - label_kl(logits), rtol=1e-5)
    assert label_kl(WRONG) > 0.1


def test_the_thesis_s_criterion_weighs_the_label_apart(exact_posteriors):
    """(6.14): R - omega (L + C_v + C_c) - A / omega."""
    terms = exact_posteriors["gumbel"]
    omega = 1 + 100 * 0.95**2
    kls = terms.kl_latent + terms.kl_varying.sum(axis=-1) + terms.kl_constant.sum(axis=-1)
    want = terms.reconstruction - omega * kls - terms.kl_label / omega
    got = weighted_objective(jax.tree.map(jnp.asarray, terms), label_weights(2))
    np.testing.assert_allclose(got, want, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "reinforce"}, "estimator must be one of gumbel, concrete, rao, exact"),
        ({"estimator": "gumbel", "temperature": None}, "temperature is missing"),
        ({"estimator": "exact", "temperature": 0.5}, "temperature must be None"),
        ({"estimator": "rao", "temperature": 0.0}, "temperature must be positive"),
        ({"estimator": "marginal", "kl": "analytic"}, "kl must be 'monte_carlo'"),
        ({"support": jnp.eye(3)[:2], "log_prior": jnp.zeros(2)}, "support has 2 labels"),
        ({"support": jnp.ones((4, 3))}, "a: 3 entries; accepted: 2, as the model has contexts"),
        ({"support": jnp.ones(4)}, r"support must have shape \[M, K\]"),
        ({"support": jnp.ones((4, 2), jnp.int32)}, "float mask"),
        ({"log_prior": jnp.zeros(3)}, r"log_prior must have shape \(4,\)"),
        ({"mask": jnp.ones(3)}, "one entry an item"),
        ({"x": X[:0]}, "x: shape .* of one item or more"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {
        "x": X,
        "support": SUPPORT,
        "log_prior": LOG_PRIOR,
        "estimator": "exact",
        "mask": MASK,
        **change,
    }
    with pytest.raises(InputError, match=message):
        jax.eval_shape(
            lambda key: label_elbo(
                key, MODEL.generative(), MODEL.inference(POSTERIOR), **arguments
            ),
            jax.random.key(0),
        )


def test_an_unknown_hard_label_is_named():
    with pytest.raises(InputError, match="choice must be one of argmax, sampled"):
        hard(jax.random.key(0), "mean")


def test_the_signature_is_the_public_contract():
    names = list(inspect.signature(label_elbo).parameters)
    assert names[:6] == ["key", "generative", "inference", "x", "support", "log_prior"]
    assert names[6:] == ["estimator", "temperature", "mask", "kl"]
