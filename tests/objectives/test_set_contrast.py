"""What the sets of a batch say of one context: closed forms, and what must not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.objectives.set_contrast import BANDWIDTHS, set_contrast, set_dependence

SETS, ITEMS, DIM = 6, 4, 3
CONSTANT = jnp.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])


def posterior_means(seed=0, spread=1.0):
    """[B, N, C]: items about the mean of their set."""
    key_set, key_item = jax.random.split(jax.random.key(seed))
    means = spread * jax.random.normal(key_set, (SETS, 1, DIM))
    return jnp.tile(means, (1, ITEMS, 1)) + jax.random.normal(key_item, (SETS, ITEMS, DIM))


def test_contrast_is_the_cross_entropy_of_each_items_own_set():
    given = np.asarray(posterior_means())
    expected = np.zeros(SETS)
    for b in np.flatnonzero(CONSTANT):
        for n in range(ITEMS):
            centres = {other: given[other].mean(axis=0) for other in np.flatnonzero(CONSTANT)}
            centres[b] = np.delete(given[b], n, axis=0).mean(axis=0)
            logits = {k: -0.5 * np.sum((given[b, n] - c) ** 2) for k, c in centres.items()}
            expected[b] += np.log(np.sum(np.exp(list(logits.values())))) - logits[b]
    np.testing.assert_allclose(
        CONSTANT * set_contrast(given, CONSTANT), expected, rtol=1e-5, atol=1e-5
    )


def test_a_context_that_says_nothing_costs_the_logarithm_of_the_number_of_sets():
    contrast = set_contrast(jnp.ones((SETS, ITEMS, DIM)), CONSTANT)
    expected = ITEMS * np.log(np.where(CONSTANT > 0, 4, 5))
    np.testing.assert_allclose(contrast, expected, rtol=1e-6)


def test_a_context_that_is_each_sets_own_costs_nothing():
    assert float(jnp.max(set_contrast(posterior_means(spread=100.0), CONSTANT))) < 1e-3


def test_sets_in_which_the_context_varies_are_not_compared_with():
    given = posterior_means()
    moved = given + 5.0 * (1.0 - CONSTANT)[:, None, None]
    before, after = set_contrast(given, CONSTANT), set_contrast(moved, CONSTANT)
    np.testing.assert_array_equal(before[CONSTANT > 0], after[CONSTANT > 0])


def test_its_gradient_is_finite_where_no_set_is_constant():
    gradient = jax.grad(lambda g: jnp.sum(set_contrast(g, jnp.zeros(SETS))))(posterior_means())
    np.testing.assert_array_equal(gradient, 0.0)


def test_half_known_labels_count_half_among_the_others():
    same = jnp.ones((2, ITEMS, DIM))
    halves = set_contrast(same, jnp.array([1.0, 0.5]))
    expected = [ITEMS * np.log(1.5), ITEMS * np.log(2.0)]
    np.testing.assert_allclose(halves, expected, rtol=1e-6)


def test_dependence_has_no_bias_where_sets_share_nothing():
    keys = jax.random.split(jax.random.key(1), 2_000)
    draw = jax.jit(
        jax.vmap(
            lambda key: jnp.mean(
                set_dependence(jax.random.normal(key, (SETS, ITEMS, DIM)), jnp.ones(SETS))
            )
        )
    )
    values = np.asarray(draw(keys))
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))


def test_dependence_is_the_discrepancy_between_pairs_within_and_across_sets():
    given = jnp.tile(jnp.array([0.0, 3.0])[:, None, None], (1, ITEMS, 1))
    kernel = np.mean([np.exp(-9.0 / (2 * width)) for width in (1.0, 4.0, 16.0)])
    expected = ITEMS * (1.0 - kernel)
    np.testing.assert_allclose(set_dependence(given, jnp.ones(2)), [expected] * 2, rtol=1e-5)


def test_dependence_looks_at_no_set_in_which_the_context_is_constant():
    given, varies = posterior_means(), 1.0 - CONSTANT
    moved = given + 5.0 * CONSTANT[:, None, None]
    before, after = set_dependence(given, varies), set_dependence(moved, varies)
    np.testing.assert_allclose(before[CONSTANT < 1], after[CONSTANT < 1], rtol=1e-5)


@pytest.mark.parametrize("function", [set_contrast, set_dependence])
def test_sets_of_one_item_are_refused(function):
    with pytest.raises(InputError, match="at least 2 items"):
        function(jnp.zeros((2, 1, DIM)), jnp.ones(2))


def test_padding_changes_neither_loss():
    """Sets of 4, 3 and 1 items, padded to 5, against the same formula over each set alone."""
    rng = np.random.default_rng(3)
    means = jnp.asarray(rng.normal(size=(3, 5, 2)), jnp.float32)
    sizes = np.array([4, 3, 1])
    mask = jnp.asarray(np.arange(5) < sizes[:, None], jnp.float32)
    share = jnp.array([1.0, 1.0, 0.5])
    changed = jnp.where(mask[..., None] > 0, means, 7.0)
    for loss, by_hand in ((set_contrast, contrast_by_hand), (set_dependence, dependence_by_hand)):
        got = loss(means, share, mask)
        np.testing.assert_allclose(loss(changed, share, mask), got, atol=1e-5)
        want = by_hand([np.asarray(means[b, :n]) for b, n in enumerate(sizes)], np.asarray(share))
        np.testing.assert_allclose(got[:2], want[:2], rtol=1e-5)
        assert got[2] == 0.0
    full = jnp.ones((3, 5))
    np.testing.assert_allclose(set_contrast(means, share), set_contrast(means, share, full))
    np.testing.assert_allclose(set_dependence(means, share), set_dependence(means, share, full))


def contrast_by_hand(sets, share):
    nats = np.zeros(len(sets))
    for b, own_set in enumerate(sets):
        for n, item in enumerate(own_set):
            others = np.delete(own_set, n, axis=0)
            own = -0.5 * np.sum((item - others.mean(axis=0)) ** 2) if len(others) else 0.0
            scores = [own] + [
                -0.5 * np.sum((item - other.mean(axis=0)) ** 2) + np.log(share[c])
                for c, other in enumerate(sets)
                if c != b
            ]
            nats[b] += np.log(np.sum(np.exp(scores))) - own
    return nats


def dependence_by_hand(sets, share):
    def kernel(a, b):
        distance = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
        return np.mean([np.exp(-distance / (2 * width)) for width in BANDWIDTHS], axis=0)

    pairs = [(b, c) for b in range(len(sets)) for c in range(len(sets)) if b != c]
    weights = np.array([share[b] * share[c] for b, c in pairs])
    across = np.sum(weights * [kernel(sets[b], sets[c]).mean() for b, c in pairs])
    across /= max(weights.sum(), 1.0)
    within = []
    for one in sets:
        off_diagonal = kernel(one, one)[~np.eye(len(one), dtype=bool)]
        within.append(off_diagonal.mean() if off_diagonal.size else 0.0)
    return np.array([len(one) * (w - across) for one, w in zip(sets, within, strict=True)])
