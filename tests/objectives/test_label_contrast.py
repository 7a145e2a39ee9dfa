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
from cal_jax.objectives.label_bounds import average_over_labels
from cal_jax.objectives.label_contrast import DrawnLabel, of_drawn_label, weigh_by_contrast
from cal_jax.objectives.label_learning import EveryLabel, KnownLabel
from cal_jax.objectives.learned_prior import LearnedPrior, initial_prior
from cal_jax.training.recipes import masks_by_contrast
from tests.objectives.label_case import MASK, MODEL, NUM_ITEMS, SUPPORT, WRONG, X

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
    label = KnownLabel(jnp.asarray(a, jnp.float32)[:, None], nothing)
    return DrawnLabel(logits, terms, label, means[:, None])


weigh = functools.partial(
    weigh_by_contrast, weights=None, support=MASKS, temperature=1.0, dependence=0.5, spread=20.0
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
    terms, memory = weigh(found(means, a), initial_prior(3))
    again, _ = weigh(found(means, a, elbo=100.0), initial_prior(3))
    assert isinstance(memory, LearnedPrior)
    np.testing.assert_array_equal(again.disagreement, terms.disagreement)
    np.testing.assert_allclose(again.elbo, terms.elbo + 100.0, rtol=1e-6)
    # At even logits the label network's loss is log 3 whatever r is.
    np.testing.assert_allclose(terms.label_loss, np.log(3.0), rtol=1e-5)
    wrong, _ = weigh(found(means[:, :, jnp.asarray([1, 2, 0])], a), initial_prior(3))
    np.testing.assert_allclose(wrong.disagreement, terms.disagreement, rtol=1e-4)
    learned = responsibilities(means, a)
    np.testing.assert_array_equal(learned.argmax(axis=1), a.argmax(axis=1))
    assert (learned.max(axis=1) > 0.9).all()


def responsibilities(means, a):
    """r [B, 3], from the gradient of the label network's loss at even logits."""
    of_logits = jax.grad(
        lambda logits: weigh(shifted(means, a, logits), initial_prior(3))[0].label_loss.sum()
    )
    return -of_logits(jnp.zeros((len(a), 3))) + 1.0 / 3.0


@pytest.mark.parametrize("odds", [1, 3])
def test_p_of_a_is_the_running_mean_of_the_responsibilities_and_enters_the_bound(odds):
    """Sets of context 0 ``odds`` times as often; p(a) enters the bound and no responsibility."""
    means, a = sets(count=12 * 3)
    often = np.concatenate([np.repeat(np.flatnonzero(a[:, 0])[:3], odds), [1, 2, 4, 5, 7, 8]])
    means, a = means[often], a[often]
    memory, weighed = initial_prior(3), jax.jit(weigh)
    for _ in range(60):
        terms, memory = weighed(found(means, a), memory)
    mean = responsibilities(means, a).mean(axis=0)
    np.testing.assert_allclose(jnp.exp(memory.log_prior), mean, atol=0.01)
    np.testing.assert_allclose(mean, a.mean(axis=0), atol=0.02)
    kl = -np.mean(np.log(3.0) + np.asarray(memory.log_prior))
    np.testing.assert_allclose(terms.kl_label, kl, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(terms.elbo, -kl, rtol=1e-4, atol=1e-6)
    soft = functools.partial(weigh, found(means, a), temperature=30.0)
    disagreements = [soft(prior)[0].disagreement for prior in (initial_prior(3), memory)]
    np.testing.assert_allclose(*disagreements, rtol=1e-4)


def test_every_mask_is_averaged_under_the_same_responsibilities_and_a_known_one_is_taken():
    means, a = sets()
    values = jnp.arange(3.0)
    terms = jax.tree.map(
        lambda term: jnp.broadcast_to(
            values.reshape((3,) + (1,) * (term.ndim - 2)), (len(a), 1, 3, *term.shape[2:])
        ),
        found(means, a).terms,
    )
    is_known = jnp.zeros((len(a), 1)).at[0].set(1.0)
    label = KnownLabel(jnp.asarray(np.roll(a, 1, axis=1), jnp.float32)[:, None], is_known)
    every = EveryLabel(jnp.zeros((len(a), 1, 3)), terms, label, means[:, None])
    learned, memory = weigh(every, initial_prior(3))
    shares = np.array(responsibilities(means, a))
    shares[0] = np.roll(a, 1, axis=1)[0]
    np.testing.assert_allclose(learned.reconstruction, shares @ values, atol=0.01)
    bound = average_over_labels(
        jax.tree.map(lambda term: term[:, 0], terms), jnp.log(shares + 1e-13), memory.log_prior
    )
    np.testing.assert_allclose(learned.elbo, bound.elbo, atol=0.02)
    np.testing.assert_allclose(learned.label_loss[0], np.log(3.0), rtol=1e-5)


def shifted(means, a, logits):
    one = found(means, a)
    return one._replace(logits=one.logits + logits[:, None])


def test_a_silent_context_gets_a_gradient_away_from_silence():
    means, a = sets()

    def disagreement(scale):
        quiet = means * jnp.stack([scale, 1.0, 1.0])[None, None, :, None]
        return weigh(found(quiet, a), initial_prior(3))[0].disagreement.mean()

    quiet, loud = disagreement(jnp.float32(1e-2)), disagreement(jnp.float32(1.0))
    np.testing.assert_allclose(quiet, loud, rtol=1e-3)


def test_a_balance_moves_shares_to_the_prior():
    means, a = sets()
    means = means.at[:, :, 0].set(means[:, :1, 0])  # context 0 is constant in every set
    alone, _ = weigh(found(means, a), initial_prior(3))
    balanced, memory = weigh(found(means, a), initial_balance(EVEN), log_prior=EVEN)
    assert int(memory.batches) == 1
    assert float(balanced.disagreement.mean()) > float(alone.disagreement.mean())


def test_the_drawn_bound_is_exact_at_exact_posteriors_and_drawn_from_q():
    def draw(key, is_known=0.0):
        return of_drawn_label(
            key,
            MODEL.generative(),
            MODEL.inference(WRONG),
            X,
            SUPPORT[1],
            jnp.float32(is_known),
            support=SUPPORT,
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
    np.testing.assert_array_equal(drawn.label.truth[0], [0, 1, 0, 0])
    assert drawn.posterior_means.shape == (4_000, len(X), 2, 2)
    told = jax.jit(functools.partial(draw, is_known=1.0))(jax.random.key(1))
    np.testing.assert_allclose(told.terms.elbo, evidences[1], atol=1e-3)


def test_a_recipe_needs_contexts_that_are_constant_and_vary():
    with pytest.raises(InputError, match="never constant or never varies"):
        masks_by_contrast([[1, 0], [1, 1]])
    learned = masks_by_contrast([[1, 0], [0, 1]])
    assert isinstance(learned.batch_objective.memory, LearnedPrior)
    balanced = masks_by_contrast([[1, 0], [0, 1]], balance_decay=0.9)
    assert balanced.batch_objective.memory.potential.shape == (2,)
