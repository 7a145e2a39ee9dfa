"""The bound of crossed sets against an evidence known exactly, and its own parts."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cal_jax.distributions import diagonal_gaussian, full_gaussian, standard_gaussian
from cal_jax.errors import InputError
from cal_jax.objectives.crossed import crossed_elbo

ROWS, COLUMNS, DIM, NOISE = 2, 3, 2, 1.0
GROUPS = np.stack(np.divmod(np.arange(ROWS * COLUMNS), COLUMNS), axis=1).astype(np.int32)
GIVEN = np.ones(GROUPS.shape, np.float32)
LOADINGS = 0.4 * np.random.default_rng(0).normal(size=(2, 4, DIM)).astype(np.float32)
LATENT = 0.5 * np.random.default_rng(1).normal(size=(4, 1)).astype(np.float32)
CHANGED = 4
"""The item at the second row and the second column."""


def evidence(x):
    """log N(x; 0, C) of all items together: items covary where they share a group."""
    same = (GROUPS[:, None] == GROUPS[None]).astype(float)
    covariance = sum(np.kron(same[..., k], LOADINGS[k] @ LOADINGS[k].T) for k in range(2))
    own = LATENT @ LATENT.T + NOISE**2 * np.eye(4)
    covariance = covariance + np.kron(np.eye(len(x)), own)
    flat = x.reshape(-1).astype(float)
    _, log_det = np.linalg.slogdet(covariance)
    distance = flat @ np.linalg.solve(covariance, flat)
    return -0.5 * (distance + log_det + flat.size * np.log(2 * np.pi))


GENERATIVE = SimpleNamespace(
    constant_prior=lambda a: standard_gaussian((2, DIM)),
    latent_prior=lambda contexts: standard_gaussian((len(contexts), 1)),
    likelihood=lambda z, contexts: full_gaussian(
        jnp.einsum("kxc,nkc->nx", LOADINGS, contexts) + z @ LATENT.T,
        jnp.tile(NOISE**2 * jnp.eye(4), (len(z), 1, 1)),
    ),
)


def pooled(h, a, mask):
    """A posterior that reads the mean of the items that count."""
    del a
    mean = jnp.sum(mask[:, None] * h, axis=0) / jnp.maximum(jnp.sum(mask), 1.0)
    return diagonal_gaussian(0.2 * jnp.einsum("kxc,x->kc", LOADINGS, mean), jnp.zeros((2, DIM)))


def latent(h, contexts):
    rest = h - jnp.einsum("kxc,nkc->nx", LOADINGS, contexts)
    return diagonal_gaussian(0.3 * rest @ LATENT, jnp.full((len(h), 1), -0.3))


INFERENCE = SimpleNamespace(encode=lambda x: x, constant_contexts=pooled, latent=latent)


def items(seed=3):
    rng = np.random.default_rng(seed)
    contexts = rng.normal(size=(2, COLUMNS, DIM))
    x = sum(contexts[k, GROUPS[:, k]] @ LOADINGS[k].T for k in range(2))
    x = x + rng.normal(size=(len(x), 1)) @ LATENT.T + NOISE * rng.normal(size=x.shape)
    return x.astype(np.float32)


def terms(x, given=GIVEN, *, count=1, groups=GROUPS, **options):
    def one(key, x):
        return crossed_elbo(
            key, GENERATIVE, INFERENCE, x, groups, given, **{"num_groups": COLUMNS, **options}
        )

    keys = jax.random.split(jax.random.key(0), count)
    return jax.jit(jax.vmap(one, in_axes=(0, None)))(keys, x)


@pytest.mark.parametrize("share", ["all", "some"])
def test_the_mean_weight_is_the_evidence_whatever_the_posterior_reads(share):
    given = GIVEN.copy()
    if share == "some":
        given[CHANGED] = 0
    x = items()
    nats = np.asarray(terms(x, given, count=200_000, kl="monte_carlo").elbo, np.float64)
    weights = np.exp(nats - nats.max())
    error = weights.std() / weights.mean() / np.sqrt(len(weights))
    assert error < 0.05
    assert abs(nats.max() + np.log(weights.mean()) - evidence(x)) < 5 * error
    assert nats.mean() < evidence(x) - 0.1


def test_the_parts_add_up_and_are_the_divergences_of_every_group():
    found = terms(items())
    parts = found.reconstruction - found.kl_latent - found.kl_constant.sum(axis=-1)
    np.testing.assert_allclose(found.elbo, parts, rtol=1e-6)
    x, want = items(), np.zeros(2)
    for k, count in enumerate((ROWS, COLUMNS)):
        for g in range(count):
            mean = 0.2 * LOADINGS[k].T @ x[GROUPS[:, k] == g].mean(axis=0)
            want[k] += 0.5 * np.square(mean).sum()
    np.testing.assert_allclose(found.kl_constant[0], want, rtol=1e-5)


def test_a_posterior_reads_the_given_items_of_its_group_alone():
    given = GIVEN.copy()
    given[CHANGED, 0] = 0
    gradient = jax.grad(lambda x: terms(x, given).kl_constant[0, 0])(jnp.asarray(items()))
    assert np.abs(gradient[CHANGED]).max() == 0
    assert np.abs(np.delete(gradient, CHANGED, axis=0)).min(axis=1).max() > 0
    of_columns = jax.grad(lambda x: terms(x, given).kl_constant[0, 1])(jnp.asarray(items()))
    assert np.abs(of_columns[CHANGED]).max() > 0


def test_padding_and_groups_without_items_change_nothing():
    x = items()
    want = terms(x)
    padded = np.concatenate([x, np.full((2, 4), np.nan, np.float32)])
    groups = np.concatenate([GROUPS, [[0, 1], [1, 3]]]).astype(np.int32)
    given, mask = np.ones(groups.shape, np.float32), np.repeat([1.0, 0.0], (6, 2))
    got = terms(padded, given, groups=groups, mask=jnp.asarray(mask, jnp.float32))
    np.testing.assert_allclose(got.kl_constant, want.kl_constant, rtol=1e-5)
    assert np.isfinite(got.elbo)
    more = terms(x, num_groups=COLUMNS + 2)
    np.testing.assert_allclose(more.kl_constant, want.kl_constant, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": GROUPS.astype(np.float32)}, r"groups: float32 .*accepted: integers \[6, K\]"),
        ({"groups": GROUPS[:5]}, r"accepted: integers \[6, K\]"),
        ({"given": GIVEN[:, :1]}, r"given: shape \(6, 1\); accepted: \(6, 2\)"),
        ({"num_groups": 0}, "num_groups 0; accepted: 1 or more"),
    ],
)
def test_bad_arguments_are_named(change, message):
    options = {"groups": GROUPS, "given": GIVEN, "num_groups": COLUMNS, **change}
    with pytest.raises(InputError, match=message):
        crossed_elbo(jax.random.key(0), GENERATIVE, INFERENCE, items(), **options)
