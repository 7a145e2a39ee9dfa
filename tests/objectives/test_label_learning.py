"""What a batch teaches about labels: the bounds it makes, what its network learns, known labels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.objectives.balance import initial_balance, update_balance
from cal_jax.objectives.contrasted import contrast_contexts
from cal_jax.objectives.label import label_elbo
from cal_jax.objectives.label_learning import (
    cross_entropy,
    label_criterion,
    label_disagreement,
    of_every_label,
    of_one_label,
    row_of,
    take_drawn,
    weigh_labels,
)
from cal_jax.objectives.weighting import Weights
from tests.objectives.label_case import (
    COUNTED,
    LOG_PRIOR,
    MODEL,
    POSTERIOR,
    SUPPORT,
    WRONG,
)

SETS, SAMPLES = 3, 2
KEYS = jax.random.split(jax.random.key(3), (SETS, SAMPLES))
LABELS = SUPPORT[jnp.array([0, 2, 1])]
X = jnp.asarray(np.stack([COUNTED, COUNTED[::-1], 2 * COUNTED]))


def found(*, logits=WRONG, known=(0.0, 0.0, 0.0), kl="analytic", shift=0.3):
    """[B, S] of ``of_every_label``."""

    def one(key, x, a, is_known):
        inference = MODEL.inference(logits, shift)
        return of_every_label(
            key, MODEL.generative(), inference, x, a, is_known, support=SUPPORT, kl=kl
        )

    over_samples = jax.vmap(one, in_axes=(0, None, None, None))
    return jax.jit(jax.vmap(over_samples))(KEYS, X, LABELS, jnp.array(known))


def exact(logits):
    """[B] of ``label_elbo``, the mean of the samples."""

    def one(key, x):
        return label_elbo(
            key,
            MODEL.generative(),
            MODEL.inference(logits, 0.3),
            x,
            SUPPORT,
            LOG_PRIOR,
            estimator="exact",
        )

    terms = jax.vmap(jax.vmap(one, in_axes=(0, None)))(KEYS, X)
    return jax.tree.map(lambda term: term.mean(axis=1), terms)


def test_by_the_network_alone_it_is_the_exact_bound_value_and_gradient():
    def criterion(logits, *, learned):
        if not learned:
            return jnp.sum(exact(logits).elbo)
        terms, balance = weigh_labels(
            found(logits=logits), None, Weights(), log_prior=LOG_PRIOR, responsibilities="network"
        )
        assert balance is None
        return jnp.sum(label_criterion(terms, Weights()))

    got, want = (
        jax.jit(jax.value_and_grad(functools.partial(criterion, learned=learned)))(WRONG)
        for learned in (True, False)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), got, want)


def test_by_the_bound_without_balance_it_is_the_marginal():
    """Monte Carlo KLs: log sum_a p(a) w_a, of one sample each."""
    one_sample = jax.tree.map(lambda leaf: leaf[:, :1], found(kl="monte_carlo"))
    terms, _ = weigh_labels(one_sample, None, Weights(), log_prior=LOG_PRIOR)
    weights = one_sample.terms.elbo[:, 0] + jax.nn.log_softmax(LOG_PRIOR)[None]
    np.testing.assert_allclose(terms.elbo, jax.nn.logsumexp(weights, axis=1), rtol=1e-5)


@pytest.mark.parametrize("responsibilities", ["bound", "objective"])
def test_the_network_is_taught_the_balanced_responsibilities_and_nothing_else(responsibilities):
    weights = Weights(1.0, {"kl_latent": 3.0})
    every = found()
    terms, balance = weigh_labels(
        every,
        initial_balance(LOG_PRIOR),
        weights,
        log_prior=LOG_PRIOR,
        responsibilities=responsibilities,
        temperature=2.0,
        decay=0.5,
    )
    mean = jax.tree.map(lambda leaf: leaf.mean(axis=1), every)
    scores = mean.terms.elbo
    if responsibilities == "objective":
        scores = scores - 2.0 * mean.terms.kl_latent
    want = update_balance(initial_balance(LOG_PRIOR), scores / 2.0, LOG_PRIOR, decay=0.5)
    np.testing.assert_allclose(balance.potential, want.potential, rtol=1e-5)
    shares = jax.nn.softmax(scores / 2.0 + want.potential[None], axis=1)
    loss = cross_entropy(shares, jnp.broadcast_to(WRONG, shares.shape))
    np.testing.assert_allclose(terms.label_loss, loss, rtol=1e-4)
    np.testing.assert_allclose(
        terms.reconstruction, (shares * mean.terms.reconstruction).sum(1), rtol=1e-4
    )

    def criterion(logits):
        learned, _ = weigh_labels(
            found(logits=logits), None, Weights(), log_prior=LOG_PRIOR, temperature=2.0
        )
        return jnp.sum(label_criterion(learned, Weights())), learned

    gradient, learned = jax.jit(jax.grad(criterion, has_aux=True))(WRONG)
    unbalanced = jax.nn.softmax(mean.terms.elbo / 2.0 + jax.nn.log_softmax(LOG_PRIOR)[None], axis=1)
    np.testing.assert_allclose(
        gradient, (unbalanced - jax.nn.softmax(WRONG)[None]).sum(axis=0), rtol=1e-4, atol=1e-5
    )
    assert learned.elbo.shape == (SETS,)


@pytest.mark.parametrize("responsibilities", ["bound", "network"])
def test_a_known_label_is_used_and_taught(responsibilities):
    """The second set's is: its bound is that of its label, and its loss -log q of it."""
    every = found(known=(0.0, 1.0, 0.0))
    terms, _ = weigh_labels(
        every, None, Weights(), log_prior=LOG_PRIOR, responsibilities=responsibilities
    )
    of_label = every.terms.elbo[1, :, 2].mean()
    np.testing.assert_allclose(terms.elbo[1] + terms.kl_label[1], of_label, rtol=1e-4)
    np.testing.assert_allclose(terms.label_loss[1], -jax.nn.log_softmax(WRONG)[2], rtol=1e-4)
    assert (terms.label_loss[0] == 0) == (responsibilities == "network")


def test_the_confusion_has_the_true_label_in_its_row_and_the_likeliest_in_its_column():
    terms, _ = weigh_labels(found(), None, Weights(), log_prior=LOG_PRIOR)
    likeliest = int(np.argmax(WRONG))
    want = np.zeros((SETS, 4, 4))
    for row, truth in enumerate((0, 2, 1)):
        want[row, truth, likeliest] = 1
    np.testing.assert_array_equal(terms.confusion, want)


def test_the_terms_of_a_drawn_label_are_the_means_of_its_objective_and_known_ones_are_taught():
    def one(key, x, a, is_known):
        return of_one_label(
            key,
            MODEL.generative(),
            MODEL.inference(POSTERIOR, 0.3),
            x,
            a,
            is_known,
            jnp.float32(0.5),
            support=SUPPORT,
            log_prior=LOG_PRIOR,
            estimator="gumbel",
        )

    over_samples = jax.vmap(one, in_axes=(0, None, None, None))
    drawn = jax.jit(jax.vmap(over_samples))(KEYS, X, LABELS, jnp.array([1.0, 0.0, 0.0]))
    terms = take_drawn(drawn)

    @jax.jit
    def bound(key, x):
        inference = MODEL.inference(POSTERIOR, 0.3)
        options = {"estimator": "gumbel", "temperature": 0.5}
        return label_elbo(key, MODEL.generative(), inference, x, SUPPORT, LOG_PRIOR, **options)

    again = bound(KEYS[2, 1], X[2])
    np.testing.assert_allclose(drawn.terms.elbo[2, 1], again.elbo, rtol=1e-5)
    np.testing.assert_allclose(terms.elbo, drawn.terms.elbo.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(terms.label_loss[0], -jax.nn.log_softmax(POSTERIOR)[0], rtol=1e-5)
    np.testing.assert_array_equal(terms.label_loss[1:], 0)
    np.testing.assert_array_equal(row_of(LABELS[1], SUPPORT), [0, 0, 1, 0])


def test_what_the_sets_say_against_a_label_is_weighed_and_learned_from():
    """A label that the sets speak against loses its share; the gradient reaches the means."""
    against = jnp.zeros((SETS, 4)).at[:, 1].set(3.0)
    every = found()._replace(posterior_means=jnp.ones((SETS, SAMPLES, 4, 2, 3)))
    plain, _ = weigh_labels(every, None, Weights(), log_prior=LOG_PRIOR, temperature=2.0)
    assert plain.disagreement.tolist() == [0.0] * SETS

    def criterion(scale):
        terms, _ = weigh_labels(
            every,
            None,
            Weights(),
            log_prior=LOG_PRIOR,
            temperature=2.0,
            disagree=lambda means, shares, mask: scale * against * means.mean(),
        )
        return jnp.sum(label_criterion(terms, Weights(), disagreement=5.0)), terms

    gradient, terms = jax.jit(jax.grad(criterion, has_aux=True))(jnp.float32(1.0))
    mean = jax.tree.map(lambda leaf: leaf.mean(axis=1), every)
    scores = (mean.terms.elbo - against) / 2.0 + jax.nn.log_softmax(LOG_PRIOR)[None]
    shares = jax.nn.softmax(scores, axis=1)
    np.testing.assert_allclose(
        terms.reconstruction, (shares * mean.terms.reconstruction).sum(axis=1), rtol=1e-4
    )
    np.testing.assert_allclose(terms.disagreement, (shares * against).sum(axis=1), atol=1e-5)
    assert float(jnp.sum(shares * against)) > 0.01
    np.testing.assert_allclose(gradient, -5.0 * jnp.sum(shares * against), rtol=1e-4)


def test_disagreement_adds_up_what_a_label_calls_constant_and_varying():
    posterior_means = jax.random.normal(jax.random.key(5), (SETS, 4, 2, 3))
    shares = jax.nn.softmax(jax.random.normal(jax.random.key(6), (SETS, 4)))
    contrast, dependence = jax.jit(contrast_contexts)(posterior_means, shares @ SUPPORT)
    against = jax.jit(label_disagreement)(posterior_means, shares, SUPPORT)
    np.testing.assert_allclose(against[:, 0], contrast[:, 0] + dependence[:, 1], rtol=1e-5)
    np.testing.assert_allclose(against[:, 2], contrast.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(against[:, 3], dependence.sum(axis=1), rtol=1e-5, atol=1e-6)
