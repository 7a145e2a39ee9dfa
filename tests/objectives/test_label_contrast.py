"""Masks learned from the contrast between sets: one spread, responsibilities, the drawn bound."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.balance import initial_balance
from cal_jax.objectives.context_aware import ContextAwareTerms
from cal_jax.objectives.contrasted import to_one_spread
from cal_jax.objectives.label_contrast import DrawnLabel, of_drawn_label, weigh_by_contrast
from cal_jax.training.recipes import masks_by_contrast
from tests.objectives.label_case import LOG_PRIOR, MASK, MODEL, NUM_ITEMS, SUPPORT, WRONG, X

MASKS = jnp.eye(3)
EVEN = jnp.full(3, -jnp.log(3.0))


def sets(seed=0, count=12, items=6):
    """Posterior means [B, N, 3, 2] in which context k is constant in every third set."""
    rng = np.random.default_rng(seed)
    a = np.eye(3)[np.arange(count) % 3]
    of_set = rng.choice([-3.0, 0.0, 3.0], size=(count, 1, 3, 2))
    of_items = rng.choice([-3.0, 0.0, 3.0], size=(count, items, 3, 2))
    means = np.where(a[:, None, :, None] > 0, of_set, of_items)
    return jnp.asarray(means + 0.1 * rng.normal(size=means.shape), jnp.float32), a


def found(means, a, elbo=0.0):
    """[B, S] with an even q(a | D) and one sample."""
    count = len(means)
    nothing = jnp.zeros((count, 1))
    terms = ContextAwareTerms(
        nothing + elbo, nothing + elbo, nothing, *2 * (jnp.zeros((count, 1, 3)),)
    )
    logits = jnp.zeros((count, 1, 3))
    return DrawnLabel(
        logits, terms, nothing + 0.5, jnp.asarray(a, jnp.float32)[:, None], means[:, None]
    )


weigh = functools.partial(
    weigh_by_contrast,
    weights=None,
    support=MASKS,
    log_prior=EVEN,
    temperature=1.0,
    dependence=0.5,
    spread=20.0,
)


def test_one_spread_knows_neither_place_nor_scale_nor_padding():
    means, _ = sets()
    same = to_one_spread(means, 20.0)
    np.testing.assert_allclose(same.mean(axis=(0, 1)), 0.0, atol=1e-5)
    np.testing.assert_allclose((same**2).sum(axis=-1).mean(axis=(0, 1)), 20.0, rtol=1e-5)
    scale = jnp.asarray([0.1, 1.0, 9.0])[None, None, :, None]
    np.testing.assert_allclose(to_one_spread(scale * means + 5.0, 20.0), same, atol=1e-3)
    mask = jnp.ones(means.shape[:2]).at[:, -2:].set(0.0)
    spoiled = means.at[:, -2:].set(1e6)
    whole = to_one_spread(means[:, :-2], 20.0)
    np.testing.assert_allclose(to_one_spread(spoiled, 20.0, (), mask)[:, :-2], whole, rtol=1e-5)
    assert np.isfinite(to_one_spread(jnp.zeros((2, 3, 1, 2)), 20.0)).all()


def test_the_mask_that_the_sets_agree_with_is_learned_whatever_the_bound():
    means, a = sets()
    terms, memory = weigh(found(means, a), None)
    again, _ = weigh(found(means, a, elbo=100.0), None)
    assert memory is None
    np.testing.assert_array_equal(again.disagreement, terms.disagreement)
    np.testing.assert_allclose(again.elbo, terms.elbo + 100.0, rtol=1e-6)
    np.testing.assert_allclose(terms.elbo, -0.5)
    # The label network is taught r; at even logits its loss is log 3 whatever r is.
    np.testing.assert_allclose(terms.label_loss, np.log(3.0), rtol=1e-5)
    wrong, _ = weigh(found(means[:, :, jnp.asarray([1, 2, 0])], a), None)
    np.testing.assert_allclose(wrong.disagreement, terms.disagreement, rtol=1e-4)
    of_logits = jax.grad(lambda logits: weigh(shifted(means, a, logits), None)[0].label_loss.sum())
    learned = -of_logits(jnp.zeros((len(a), 3))) + 1.0 / 3.0
    np.testing.assert_array_equal(learned.argmax(axis=1), a.argmax(axis=1))
    assert (learned.max(axis=1) > 0.9).all()


def shifted(means, a, logits):
    one = found(means, a)
    return one._replace(logits=one.logits + logits[:, None])


def test_a_silent_context_gets_a_gradient_away_from_silence():
    means, a = sets()

    def disagreement(scale):
        quiet = means * jnp.stack([scale, 1.0, 1.0])[None, None, :, None]
        return weigh(found(quiet, a), None)[0].disagreement.mean()

    quiet, loud = disagreement(jnp.float32(1e-2)), disagreement(jnp.float32(1.0))
    np.testing.assert_allclose(quiet, loud, rtol=1e-3)


def test_a_balance_moves_shares_to_the_prior():
    means, a = sets()
    means = means.at[:, :, 0].set(means[:, :1, 0])  # context 0 is constant in every set
    alone, _ = weigh(found(means, a), None)
    balanced, memory = weigh(found(means, a), initial_balance(EVEN))
    assert int(memory.batches) == 1
    assert float(balanced.disagreement.mean()) > float(alone.disagreement.mean())


def test_the_drawn_bound_is_exact_at_exact_posteriors_and_drawn_from_q():
    prior = jax.nn.log_softmax(LOG_PRIOR)

    def draw(key):
        return of_drawn_label(
            key,
            MODEL.generative(),
            MODEL.inference(WRONG),
            X,
            SUPPORT[1],
            jnp.float32(1.0),
            support=SUPPORT,
            log_prior=prior,
            mask=MASK,
            kl="monte_carlo",
        )

    drawn = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 4_000))
    evidences = MODEL.log_evidences(X[:NUM_ITEMS])
    off = np.abs(np.asarray(drawn.terms.elbo)[:, None] - evidences[None])
    assert off.min(axis=1).max() < 1e-3
    shares = np.bincount(off.argmin(axis=1), minlength=4) / len(off)
    expected = np.asarray(jax.nn.softmax(WRONG))
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / len(off))
    np.testing.assert_array_equal(drawn.truth[0], [0, 1, 0, 0])
    assert drawn.posterior_means.shape == (4_000, len(X), 2, 2)
    kl = float(np.sum(expected * (np.log(expected) - np.asarray(prior))))
    np.testing.assert_allclose(drawn.kl_label, kl, rtol=1e-5)


def test_a_recipe_needs_contexts_that_are_constant_and_vary():
    with pytest.raises(InputError, match="never constant or never varies"):
        masks_by_contrast([[1, 0], [1, 1]])
    assert masks_by_contrast([[1, 0], [0, 1]]).batch_objective.memory == ()
    balanced = masks_by_contrast([[1, 0], [0, 1]], balance_decay=0.9)
    assert balanced.batch_objective.memory.potential.shape == (2,)
